// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// What zoetrope-picture needs that only C can say: libvips is variadic, and so is prctl.

#ifndef CVIPS_H
#define CVIPS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

// The loaders that may be reached; every other one of libvips is never called.
typedef enum __attribute__((enum_extensibility(closed))) : int32_t {
  CVIPS_PNG,
  CVIPS_JPEG,
  CVIPS_WEBP,
  CVIPS_TIFF,
  CVIPS_HEIF,
} cvips_loader;

// A picture whose header has been read and whose pixels have not.
typedef struct cvips_picture cvips_picture;

typedef struct {
  int32_t width;
  int32_t height;
  int32_t bands;
  // 1 or 2; 0 for a sample that is neither an 8-bit nor a 16-bit unsigned integer.
  int32_t bytes_per_sample;
  // As EXIF counts: 1 is upright; 1...8.
  int32_t orientation;
  // Whether libvips takes the bands for cyan, magenta, yellow and black.
  int32_t is_cmyk;
  // Whether the last band is alpha.
  int32_t has_alpha;
} cvips_header;

// Limits the calling process for good: `memory` bytes of address space, `seconds` of processor
// time, no file written, no core dump, no new privileges, no new process or program, no socket.
// Returns 0, or the errno of the limit that could not be set.
int32_t cvips_confine(uint64_t memory, uint64_t seconds);

// The version of libvips, which need not be started for it.
const char *cvips_version(void);

// Starts libvips with its untrusted loaders blocked, one thread and no cache. Returns 0 when ready.
int32_t cvips_start(const char *program);

// Reads the header. `bytes` must stay where they are until `cvips_close`. Null on failure.
cvips_picture *_Nullable cvips_open(
    cvips_loader loader, const void *bytes, size_t count, cvips_header *header);

// Decodes the first `bands` bands into `pixels`, rows from the top, samples interleaved. With
// `high_byte` a 16-bit sample is cut to its upper 8 bits. `count` must be exactly the size of
// that. Returns 0 when every pixel was decoded.
int32_t cvips_decode(
    cvips_picture *picture, int32_t bands, int32_t high_byte, void *pixels, size_t count);

void cvips_close(cvips_picture *picture);

// What libvips said last, for as long as no other function here is called.
const char *cvips_message(void);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
