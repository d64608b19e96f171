// What a player is told when an update fails: what it means and what to do, and the library's own line for support.
#ifndef PLAYER_MESSAGE_HPP
#define PLAYER_MESSAGE_HPP

#include <patchcore.hpp>

#include <string>

std::string player_message(const patchcore::error &failure);

#endif
