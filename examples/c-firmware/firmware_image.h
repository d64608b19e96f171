/* Firmware-like images for a test without real ones: code whose functions call one another, and data. */
#ifndef FIRMWARE_IMAGE_H
#define FIRMWARE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Fills an image. From one version to the next, functions move, grow and change constants, and so does every address
 * that points at them: what a compiler makes of a small change. The same seed gives the same program. */
void firmware_image_make(uint8_t *image, size_t size, uint64_t seed, unsigned version);

#endif
