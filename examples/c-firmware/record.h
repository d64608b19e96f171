/* A small record in flash that survives a power cut: at every moment, what was saved last or what was saved before.
 *
 * A region holds two copies in sectors of their own. A save erases and writes the older one, so that a cut in the
 * middle leaves the newer one alone; a checksum tells a whole copy from a torn one, a sequence number the newer from
 * the older. */
#ifndef RECORD_H
#define RECORD_H

#include "flash.h"

#include <stdbool.h>

/* false: the region holds no whole record of this size. */
bool record_load(enum flash_region region, void *payload, size_t size);

/* 0: durable. -1: the flash failed; what was saved before is still there. */
int record_save(enum flash_region region, const void *payload, size_t size);

#endif
