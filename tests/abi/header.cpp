// The C++ header stands being included twice.

#include "patchcore.hpp"
#include "patchcore.hpp"

bool header_test();
bool header_test() { return patchcore::version().empty(); }
