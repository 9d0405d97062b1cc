// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "threads.h"

#include "CTensorCPU.h"

// libgomp's own entry points, which is what `#pragma omp parallel` turns into with gcc. Debian's
// oneDNN runs on libgomp; a second pool beside it would fight it for the cores, since libgomp's
// threads spin for a while after each region.
extern void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int count);

int cpu_thread_count(void) { return omp_get_max_threads(); }
void cpu_set_thread_count(int count) { omp_set_num_threads(count < 1 ? 1 : count); }

typedef struct {
  ptrdiff_t count;
  cpu_body body;
  const void *context;
} region;

static void run_region(void *pointer) {
  const region *r = pointer;
  ptrdiff_t threads = omp_get_num_threads(), index = omp_get_thread_num();
  ptrdiff_t begin = r->count * index / threads, end = r->count * (index + 1) / threads;
  if (begin < end) r->body(r->context, begin, end);
}

void cpu_parallel(ptrdiff_t count, ptrdiff_t grain, cpu_body body, const void *context) {
  if (count <= 0) return;
  ptrdiff_t threads = omp_get_max_threads(), most = (count + grain - 1) / grain;
  if (threads > most) threads = most;
  if (threads <= 1) {
    body(context, 0, count);
    return;
  }
  region r = {count, body, context};
  GOMP_parallel(run_region, &r, (unsigned)threads, 0);
}
