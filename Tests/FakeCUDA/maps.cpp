// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Tensor maps: a GPU's are opaque, these hold what they were made of.

#include "fake.h"

namespace {

struct map {
  uint64_t address;
  uint64_t sizes[5];
  uint64_t strides[5];
  uint32_t rank;
};
static_assert(sizeof(map) <= 128, "a map has 128 bytes");

}  // namespace

EXPORT int cuTensorMapEncodeTiled(void *to, int type, unsigned rank, uint64_t address,
                                  const uint64_t *sizes, const uint64_t *strides,
                                  const unsigned *box, const unsigned *steps, int interleave,
                                  int swizzle, int promotion, int fill) {
  if (int result = result_of("cuTensorMapEncodeTiled")) return result;
  bool is_good = (uintptr_t)to % 64 == 0 && type == 1 && rank >= 1 && rank <= 5 &&
                 address % 16 == 0 && interleave == 0 && swizzle == 3 && promotion == 3 &&
                 fill == 0 && box[0] == 64;
  for (unsigned i = 0; is_good && i < rank; i++)
    is_good = sizes[i] > 0 && sizes[i] < 1ull << 32 && box[i] >= 1 && box[i] <= 256 &&
              steps[i] == 1 && (i == 0 || strides[i - 1] % 16 == 0);
  if (!is_good) return 1;
  map made = {};
  made.address = address;
  made.rank = rank;
  made.strides[0] = 2;
  for (unsigned i = 0; i < rank; i++) {
    made.sizes[i] = sizes[i];
    if (i > 0) made.strides[i] = strides[i - 1];
  }
  memset(to, 0, 128);
  memcpy(to, &made, sizeof made);
  return 0;
}

const void *element_of_map(const void *bytes, int64_t inner,
                           std::initializer_list<int64_t> place) {
  const map *known = (const map *)bytes;
  if (place.size() + 1 != known->rank) return nullptr;
  if (inner < 0 || (uint64_t)inner >= known->sizes[0]) return nullptr;
  uint64_t address = known->address + (uint64_t)inner * known->strides[0];
  unsigned i = 1;
  for (int64_t at : place) {
    if (at < 0 || (uint64_t)at >= known->sizes[i]) return nullptr;
    address += (uint64_t)at * known->strides[i++];
  }
  return (const void *)(uintptr_t)address;
}
