/* The watchdog: resets a device that goes too long without saying that it is alive.
 *
 * Real ones count milliseconds. This one counts bytes of flash that were read, programmed or erased, so that the test
 * gives the same answer on every machine. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stddef.h>

#define WATCHDOG_LIMIT (192u * 1024u)

/* For the firmware: still alive. */
void watchdog_kick(void);

/* For the flash driver: so much work was done. Ends the process when it is too much since the last kick. */
void watchdog_work(size_t bytes);

/* For the report: the most work that was ever done between two kicks. */
size_t watchdog_longest(void);

#endif
