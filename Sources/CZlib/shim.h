// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <zlib.h>

/// zlib's `deflateInit2` is a macro, which Swift does not see; 31 is the largest window, with
/// gzip's header, which has no name and no time then.
static inline int czlib_begin(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
}
