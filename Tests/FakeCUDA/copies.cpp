// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// Copies that are made when somebody waits for them, not when they are asked for.

#include <string.h>

#include <deque>
#include <vector>

#include "fake.h"

namespace {

struct late_copy {
  void *to;
  std::vector<char> bytes;
};

std::deque<late_copy> copies;
int64_t made;

}  // namespace

void copy_late(void *to, const void *from, size_t bytes) {
  const char *source = (const char *)from;
  copies.push_back({to, {source, source + bytes}});
  // Not-a-numbers until then.
  memset(to, 0xFF, bytes);
}

int64_t asked_copies() { return made + (int64_t)copies.size(); }

void make_copies(int64_t until) {
  for (; made < until; made++) {
    memcpy(copies.front().to, copies.front().bytes.data(), copies.front().bytes.size());
    copies.pop_front();
  }
}

bool is_copied_to(const void *piece) {
  for (const late_copy &copy : copies)
    if (copy.to == piece) return true;
  return false;
}
