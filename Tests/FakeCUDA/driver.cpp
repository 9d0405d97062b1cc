// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The driver's entry points. Streams have little to order: all is done when a call returns, but for
// copies to pinned memory, which are made when somebody waits for them.

#include <stdlib.h>

#include <map>
#include <mutex>
#include <string>

#include "fake.h"

fake_cuda_counts counts;
std::atomic<int64_t> pretended_microseconds{0};

namespace {

std::recursive_mutex lock;
std::map<uint64_t, size_t> memory;
std::map<void *, size_t> pinned;
std::string failing_call;
int failing_result, failing_after = -1;
int capability = [] {
  const char *text = getenv("FAKE_CUDA_CAPABILITY");
  return text ? atoi(text) : 90;
}();
int64_t total_memory = [] {
  const char *bytes = getenv("FAKE_CUDA_MEMORY");
  return bytes ? atoll(bytes) : 8ll << 30;
}();
thread_local uintptr_t bound_context;

constexpr int out_of_memory = 2, invalid_value = 1, not_found = 500, invalid_image = 200,
              invalid_context = 201;
constexpr uintptr_t context_handle = 0xC0;

struct module {
  int element;
};

struct function {
  const emulated_kernel *kernel;
  int shared_limit = 48 << 10;
};

struct event {
  int64_t microseconds = 0;
  // Late copies that were asked for before it.
  int64_t copies = 0;
};

bool is_pinned(void *at) {
  auto next = pinned.upper_bound(at);
  if (next == pinned.begin()) return false;
  auto piece = std::prev(next);
  return (char *)at < (char *)piece->first + piece->second;
}

bool cooperates(const std::string &name) {
  return name == "group_norm_finish" || name == "group_norm_sums_8" ||
         name.rfind("layer_norm", 0) == 0 || name == "softmax" ||
         name.rfind("frame_attention", 0) == 0;
}

}  // namespace

int result_of(const char *call, bool needs_context) {
  if (needs_context && !bound_context) {
    counts.unbound_calls++;
    return invalid_context;
  }
  if (failing_after >= 0 && failing_call == call && failing_after-- == 0) return failing_result;
  return 0;
}

#define CALL(name, needs_context)                            \
  std::lock_guard<std::recursive_mutex> guard(lock);         \
  if (int result = result_of(name, needs_context)) return result

EXPORT void fake_cuda_read_counts(fake_cuda_counts *to) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  *to = counts;
}

EXPORT void fake_cuda_fail_call(const char *call, int result, int after) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  failing_call = call;
  failing_result = result;
  failing_after = after;
}

EXPORT void fake_cuda_describe(int new_capability, int64_t new_memory) {
  std::lock_guard<std::recursive_mutex> guard(lock);
  capability = new_capability;
  total_memory = new_memory;
}

EXPORT int cuInit(unsigned) {
  CALL("cuInit", false);
  return 0;
}

EXPORT int cuDriverGetVersion(int *version) {
  CALL("cuDriverGetVersion", false);
  *version = 13000;
  return 0;
}

EXPORT int cuGetErrorName(int result, const char **text) {
  *text = result == out_of_memory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE";
  return 0;
}

EXPORT int cuGetErrorString(int, const char **text) {
  *text = "a test asked for it";
  return 0;
}

EXPORT int cuDeviceGetCount(int *count) {
  CALL("cuDeviceGetCount", false);
  *count = 1;
  return 0;
}

EXPORT int cuDeviceGet(int *device, int ordinal) {
  CALL("cuDeviceGet", false);
  *device = ordinal;
  return 0;
}

EXPORT int cuDeviceGetName(char *name, int size, int) {
  CALL("cuDeviceGetName", false);
  strncpy(name, "Pretend GPU", (size_t)size);
  return 0;
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int) {
  CALL("cuDeviceTotalMem", false);
  *bytes = (size_t)total_memory;
  return 0;
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int) {
  CALL("cuDeviceGetAttribute", false);
  switch (attribute) {
    case 75: *value = capability / 10; break;
    case 76: *value = capability % 10; break;
    case 97: *value = 227 << 10; break;
    default: *value = 1;
  }
  return 0;
}

EXPORT int cuDevicePrimaryCtxSetFlags_v2(int, unsigned flags) {
  CALL("cuDevicePrimaryCtxSetFlags", false);
  return flags == 4 ? 0 : invalid_value;
}

EXPORT int cuDevicePrimaryCtxRetain(uintptr_t *context, int) {
  CALL("cuDevicePrimaryCtxRetain", false);
  counts.contexts++;
  *context = context_handle;
  return 0;
}

EXPORT int cuDevicePrimaryCtxRelease_v2(int) {
  CALL("cuDevicePrimaryCtxRelease", false);
  counts.contexts--;
  return 0;
}

EXPORT int cuCtxSetCurrent(uintptr_t context) {
  CALL("cuCtxSetCurrent", false);
  bound_context = context;
  return 0;
}

EXPORT int cuCtxSynchronize() {
  CALL("cuCtxSynchronize", true);
  make_copies(asked_copies());
  return 0;
}

EXPORT int cuMemGetInfo_v2(size_t *free, size_t *total) {
  CALL("cuMemGetInfo", true);
  *total = (size_t)total_memory;
  *free = (size_t)(total_memory - counts.live_bytes);
  return 0;
}

EXPORT int cuStreamCreate(uintptr_t *stream, unsigned) {
  CALL("cuStreamCreate", true);
  counts.streams++;
  *stream = 0x57;
  return 0;
}

EXPORT int cuStreamDestroy_v2(uintptr_t) {
  CALL("cuStreamDestroy", true);
  counts.streams--;
  return 0;
}

EXPORT int cuStreamSynchronize(uintptr_t) {
  CALL("cuStreamSynchronize", true);
  make_copies(asked_copies());
  return 0;
}

EXPORT int cuEventCreate(uintptr_t *event, unsigned) {
  CALL("cuEventCreate", true);
  counts.events++;
  *event = (uintptr_t) new struct event;
  return 0;
}

EXPORT int cuEventDestroy_v2(uintptr_t event) {
  CALL("cuEventDestroy", true);
  counts.events--;
  delete (struct event *)event;
  return 0;
}

EXPORT int cuEventRecord(uintptr_t event, uintptr_t) {
  CALL("cuEventRecord", true);
  *(struct event *)event = {pretended_microseconds, asked_copies()};
  return 0;
}

EXPORT int cuEventSynchronize(uintptr_t event) {
  CALL("cuEventSynchronize", true);
  make_copies(((struct event *)event)->copies);
  return 0;
}

EXPORT int cuEventElapsedTime(float *milliseconds, uintptr_t start, uintptr_t end) {
  CALL("cuEventElapsedTime", true);
  *milliseconds = 1 + 1e-3f * (float)(((event *)end)->microseconds - ((event *)start)->microseconds);
  return 0;
}

static int allocate(uint64_t *address, size_t bytes) {
  CALL("cuMemAlloc", true);
  if (counts.live_bytes + (int64_t)bytes > total_memory) return out_of_memory;
  void *piece = aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!piece) return out_of_memory;
  // Not-a-numbers everywhere, so that what nobody wrote is seen.
  memset(piece, 0xFF, bytes);
  *address = (uint64_t)(uintptr_t)piece;
  memory[*address] = bytes;
  counts.allocations++;
  counts.live_bytes += (int64_t)bytes;
  return 0;
}

static int release(uint64_t address) {
  CALL("cuMemFree", true);
  auto found = memory.find(address);
  if (found == memory.end()) {
    counts.wrong_frees++;
    return invalid_value;
  }
  counts.frees++;
  counts.live_bytes -= (int64_t)found->second;
  memory.erase(found);
  free((void *)(uintptr_t)address);
  return 0;
}

EXPORT int cuMemAlloc_v2(uint64_t *address, size_t bytes) { return allocate(address, bytes); }
EXPORT int cuMemFree_v2(uint64_t address) { return release(address); }
EXPORT int cuMemAllocAsync(uint64_t *address, size_t bytes, uintptr_t) {
  return allocate(address, bytes);
}
EXPORT int cuMemFreeAsync(uint64_t address, uintptr_t) { return release(address); }

EXPORT int cuDeviceGetDefaultMemPool(uintptr_t *pool, int) {
  CALL("cuDeviceGetDefaultMemPool", true);
  *pool = 0x900;
  return 0;
}

EXPORT int cuMemPoolSetAttribute(uintptr_t, int, void *) {
  CALL("cuMemPoolSetAttribute", true);
  return 0;
}

EXPORT int cuMemPoolTrimTo(uintptr_t, size_t) {
  CALL("cuMemPoolTrimTo", true);
  return 0;
}

EXPORT int cuMemHostAlloc(void **piece, size_t bytes, unsigned) {
  CALL("cuMemHostAlloc", true);
  *piece = aligned_alloc(256, (bytes + 255) / 256 * 256);
  pinned[*piece] = bytes;
  counts.pinned++;
  return 0;
}

EXPORT int cuMemFreeHost(void *piece) {
  CALL("cuMemFreeHost", true);
  if (!pinned.erase(piece)) {
    counts.wrong_frees++;
    return invalid_value;
  }
  // The GPU would write to memory that is gone.
  if (is_copied_to(piece)) counts.wrong_frees++;
  counts.pinned--;
  free(piece);
  return 0;
}

EXPORT int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, uintptr_t) {
  CALL("cuMemcpyHtoD", true);
  memcpy((void *)(uintptr_t)to, from, bytes);
  return 0;
}

EXPORT int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, uintptr_t) {
  CALL("cuMemcpyDtoH", true);
  if (is_pinned(to)) {
    copy_late(to, (void *)(uintptr_t)from, bytes);
  } else {
    memcpy(to, (void *)(uintptr_t)from, bytes);
  }
  return 0;
}

EXPORT int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, uintptr_t) {
  CALL("cuMemcpyDtoD", true);
  memcpy((void *)(uintptr_t)to, (void *)(uintptr_t)from, bytes);
  return 0;
}

EXPORT int cuMemsetD8Async(uint64_t to, unsigned char value, size_t bytes, uintptr_t) {
  CALL("cuMemsetD8", true);
  memset((void *)(uintptr_t)to, value, bytes);
  return 0;
}

EXPORT int cuModuleLoadData(uintptr_t *handle, const void *image) {
  CALL("cuModuleLoadData", true);
  if (strncmp((const char *)image, "FAKE", 4) != 0) return invalid_image;
  counts.modules++;
  *handle = (uintptr_t) new module{((const char *)image)[4] - '0'};
  return 0;
}

EXPORT int cuModuleUnload(uintptr_t handle) {
  CALL("cuModuleUnload", true);
  counts.modules--;
  delete (module *)handle;
  return 0;
}

EXPORT int cuModuleGetFunction(uintptr_t *handle, uintptr_t of, const char *name) {
  CALL("cuModuleGetFunction", true);
  size_t count;
  const emulated_kernel *kernels = emulated_kernels(((module *)of)->element, &count);
  static std::map<const emulated_kernel *, function> functions;
  for (size_t i = 0; i < count; i++)
    if (strcmp(kernels[i].name, name) == 0) {
      functions[&kernels[i]].kernel = &kernels[i];
      *handle = (uintptr_t)&functions[&kernels[i]];
      return 0;
    }
  return not_found;
}

EXPORT int cuFuncSetAttribute(uintptr_t handle, int attribute, int value) {
  CALL("cuFuncSetAttribute", true);
  if (attribute != 8 || value > 227 << 10) return invalid_value;
  ((function *)handle)->shared_limit = value;
  return 0;
}

EXPORT int cuLaunchKernel(uintptr_t handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                          unsigned block_x, unsigned block_y, unsigned block_z,
                          unsigned shared_bytes, uintptr_t, void **arguments, void **) {
  CALL("cuLaunchKernel", true);
  function *f = (function *)handle;
  if (!grid_x || !grid_y || !grid_z || grid_y > 65535 || grid_z > 65535 || block_x > 1024 ||
      block_y != 1 || block_z != 1 || (int)shared_bytes > f->shared_limit)
    return invalid_value;
  counts.launches++;
  emulate_launch(f->kernel->call, arguments, {grid_x, grid_y, grid_z}, block_x, shared_bytes,
                 cooperates(f->kernel->name));
  return 0;
}
