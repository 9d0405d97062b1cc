// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <setjmp.h>
#include <stdlib.h>
#include <ucontext.h>

#include <vector>

#include "emulate.h"
#include "fake.h"

dimensions threadIdx, blockIdx, blockDim, gridDim;
float *emulated_shared;

namespace {

// Enough for kernels without arrays of size.
constexpr size_t stack_bytes = 64 << 10;

struct fiber {
  // Where it goes on, and where it begins each block.
  jmp_buf state, entry;
  char *stack;
  bool is_done;
};

std::vector<fiber> fibers;
std::vector<float> exchange;
// What each thread brings to a product of tiles: four registers of one factor and two of the other.
struct factors {
  unsigned x[4], w[2];
};
std::vector<factors> tiles;
unsigned current, live;
jmp_buf launcher;
emulated_call running;
void **running_arguments;

// Gives the next thread that is not done its turn; with none left, the launcher.
[[noreturn]] void switch_on() {
  if (live == 0) _longjmp(launcher, 1);
  do current = (current + 1) % blockDim.x;
  while (fibers[current].is_done);
  threadIdx.x = current;
  _longjmp(fibers[current].state, 1);
}

void start_of_fiber() {
  running(running_arguments);
  fibers[current].is_done = true;
  live--;
  switch_on();
}

// Sees to it that a fiber begins when it is switched to. The slow way of making one is gone only once.
void prepare(unsigned index) {
  static ucontext_t back, start;
  fiber &f = fibers[index];
  f.is_done = false;
  if (f.stack) {
    memcpy(&f.state, &f.entry, sizeof f.state);
    return;
  }
  f.stack = (char *)malloc(stack_bytes);
  getcontext(&start);
  start.uc_stack.ss_sp = f.stack;
  start.uc_stack.ss_size = stack_bytes;
  start.uc_link = nullptr;
  static unsigned starting;
  starting = index;
  makecontext(
      &start,
      [] {
        unsigned self = starting;
        if (_setjmp(fibers[self].entry) == 0) setcontext(&back);
        start_of_fiber();
      },
      0);
  swapcontext(&back, &start);
  memcpy(&f.state, &f.entry, sizeof f.state);
}

}  // namespace

void emulated_barrier() {
  // A round in which everybody comes here once is a barrier: turns go round in order.
  if (_setjmp(fibers[current].state) == 0) switch_on();
}

float emulated_shuffle_xor(float value, int mask) {
  unsigned self = threadIdx.x;
  exchange[self] = value;
  emulated_barrier();
  float other = exchange[self ^ (unsigned)mask];
  emulated_barrier();
  return other;
}

void emulated_multiply(float (&d)[4], const unsigned (&x)[4], const unsigned (&w)[2],
                       float (*widened)(unsigned short)) {
  unsigned self = threadIdx.x, first = self / 32 * 32, lane = self % 32;
  memcpy(tiles[self].x, x, sizeof x);
  memcpy(tiles[self].w, w, sizeof w);
  emulated_barrier();
  for (unsigned i = 0; i < 4; i++) {
    const factors *row = &tiles[first + lane / 4 * 4], *column = &tiles[first + (lane % 4 * 2 + i % 2) * 4];
    for (unsigned k = 0; k < 16; k++) {
      unsigned lane_of_k = k % 8 / 2, shift = k % 2 * 16;
      d[i] += widened((unsigned short)(row[lane_of_k].x[i / 2 + k / 8 * 2] >> shift)) *
              widened((unsigned short)(column[lane_of_k].w[k / 8] >> shift));
    }
  }
  emulated_barrier();
}

unsigned transposed(unsigned pair) {
  unsigned self = threadIdx.x, first = self / 32 * 32, lane = self % 32;
  tiles[self].x[0] = pair;
  emulated_barrier();
  unsigned result = 0;
  for (unsigned i = 0; i < 2; i++) {
    unsigned row = lane % 4 * 2 + i, column = lane / 4;
    unsigned held = tiles[first + row * 4 + column / 2].x[0];
    result |= (held >> column % 2 * 16 & 0xFFFF) << i * 16;
  }
  emulated_barrier();
  return result;
}

void emulate_launch(emulated_call call, void **arguments, dimensions grid, unsigned threads,
                    unsigned shared_bytes, bool cooperates) {
  gridDim = grid;
  blockDim = {threads, 1, 1};
  static std::vector<float> shared;
  shared.assign(shared_bytes / 4 + 1, NAN);
  emulated_shared = shared.data();
  running = call;
  running_arguments = arguments;
  if (fibers.size() < threads) fibers.resize(threads);
  exchange.resize(threads);
  tiles.resize(threads);
  for (unsigned z = 0; z < grid.z; z++)
    for (unsigned y = 0; y < grid.y; y++)
      for (unsigned x = 0; x < grid.x; x++) {
        blockIdx = {x, y, z};
        threadIdx = {0, 0, 0};
        if (!cooperates) {
          for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) call(arguments);
          continue;
        }
        for (unsigned thread = 0; thread < threads; thread++) prepare(thread);
        current = 0;
        live = threads;
        threadIdx.x = 0;
        if (_setjmp(launcher) == 0) _longjmp(fibers[0].state, 1);
      }
}
