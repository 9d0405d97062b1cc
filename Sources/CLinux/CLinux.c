// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/uio.h>

ssize_t read_without_waiting(int descriptor, void *bytes, size_t count, int64_t offset) {
  struct iovec piece = {.iov_base = bytes, .iov_len = count};
  return preadv2(descriptor, &piece, 1, offset, RWF_NOWAIT);
}
