// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// A cuDNN whose one engine computes a convolution with what may follow it: a bias, a residual. It
// pads both sides alike only, as real engines often do. For anything else it recommends nothing. A
// test turns it on; without, there are no engines at all.

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "fake.h"

namespace {

constexpr int bad_parameter = 2000, not_supported = 3000;
bool has_engine;

struct descriptor {
  int kind;
  bool is_final = false;
  std::map<int, std::vector<int64_t>> numbers;
  // Which of them are other descriptors.
  std::set<int> references;
};

typedef std::vector<descriptor *> descriptors;

descriptor *at(uintptr_t handle) { return (descriptor *)handle; }
descriptor *child(descriptor *d, int attribute) {
  return at((uintptr_t)d->numbers[attribute].at(0));
}

size_t width_of(int type) {
  switch (type) {
    case 2: case 24: return 1;
    case 1: case 4: case 7: case 8: case 11: case 14: case 18: return 4;
    default: return 8;
  }
}

int64_t number(const void *values, int type, int64_t index) {
  switch (width_of(type)) {
    case 1: return ((const uint8_t *)values)[index];
    case 4: return ((const int32_t *)values)[index];
    default: return ((const int64_t *)values)[index];
  }
}

// The operations of a convolution graph in order: none if it is another graph.
descriptors convolution_of(descriptor *graph) {
  descriptors operations;
  for (int64_t handle : graph->numbers[801]) operations.push_back(at((uintptr_t)handle));
  if (operations.empty() || operations.size() > 3 || operations[0]->kind != 10) return {};
  descriptor *last = child(operations[0], 705);
  for (size_t i = 1; i < operations.size(); i++) {
    descriptor *o = operations[i];
    // Each adds something to what the one before it made.
    if (o->kind != 13 || child(o, 750)->numbers[0].at(0) != 0 || child(o, 751) != last) return {};
    last = child(o, 753);
  }
  return operations;
}

// A descriptor and all that it refers to, in numbers: how a plan is written down and read again. One
// that was met before is its place in the order of meeting.
void write_down(descriptor *d, std::vector<descriptor *> &met, std::string &text) {
  auto known = std::find(met.begin(), met.end(), d);
  text += std::to_string(known - met.begin()) + ' ';
  if (known != met.end()) return;
  met.push_back(d);
  text += std::to_string(d->kind) + ' ' + std::to_string(d->numbers.size()) + ' ';
  for (auto &[attribute, numbers] : d->numbers) {
    bool refers = d->references.count(attribute);
    text += std::to_string(attribute) + ' ' + std::to_string(refers) + ' ' +
            std::to_string(numbers.size()) + ' ';
    for (int64_t n : numbers) {
      if (refers) write_down(at((uintptr_t)n), met, text);
      else text += std::to_string(n) + ' ';
    }
  }
}

descriptor *read_again(std::istringstream &text, std::vector<descriptor *> &met) {
  size_t place = 0, attributes = 0, count = 0;
  bool refers = false;
  int attribute = 0;
  if (text >> place && place < met.size()) return met[place];
  descriptor *d = new descriptor;
  met.push_back(d);
  d->is_final = true;
  text >> d->kind >> attributes;
  for (size_t i = 0; i < attributes && text; i++) {
    text >> attribute >> refers >> count;
    if (refers) d->references.insert(attribute);
    for (size_t j = 0; j < count && text; j++) {
      int64_t n = 0;
      if (refers) n = (int64_t)(uintptr_t)read_again(text, met);
      else text >> n;
      d->numbers[attribute].push_back(n);
    }
  }
  return d;
}

bool pads_alike(descriptor *convolution) {
  return convolution->numbers[104] == convolution->numbers[105];
}

float read(uint64_t address, int64_t type, int64_t index) {
  if (type == 0) return ((const float *)address)[index];
  unsigned short bits = ((const unsigned short *)address)[index];
  return type == 2 ? float16_to_float(bits) : bfloat16_to_float(bits);
}

void write(uint64_t address, int64_t type, int64_t index, float value) {
  if (type == 0) {
    ((float *)address)[index] = value;
  } else {
    ((unsigned short *)address)[index] =
        type == 2 ? float_to_float16(value) : float_to_bfloat16(value);
  }
}

struct tensor {
  uint64_t address;
  int64_t type;
  std::vector<int64_t> sizes, strides;

  int64_t offset(int64_t a, int64_t b, int64_t c, int64_t d) const {
    int64_t index[4] = {a, b, c, d}, sum = 0;
    for (int i = 0; i < 4; i++) sum += sizes[(size_t)i] == 1 ? 0 : index[i] * strides[(size_t)i];
    return sum;
  }
};

tensor tensor_of(descriptor *d, descriptor *pack) {
  tensor t{0, d->numbers[901].at(0), d->numbers[902], d->numbers[903]};
  const std::vector<int64_t> &names = pack->numbers[1000];
  for (size_t i = 0; i < names.size(); i++)
    if (names[i] == d->numbers[906].at(0)) t.address = (uint64_t)pack->numbers[1001].at(i);
  return t;
}

int convolve(const descriptors &operations, descriptor *pack) {
  descriptor *convolution = child(operations[0], 702);
  tensor x = tensor_of(child(operations[0], 704), pack);
  tensor w = tensor_of(child(operations[0], 703), pack);
  descriptor *last = operations.size() == 1 ? child(operations[0], 705)
                                            : child(operations.back(), 753);
  tensor y = tensor_of(last, pack);
  std::vector<tensor> added;
  for (size_t i = 1; i < operations.size(); i++)
    added.push_back(tensor_of(child(operations[i], 752), pack));
  if (!x.address || !w.address || !y.address) return bad_parameter;
  for (const tensor &t : added)
    if (!t.address) return bad_parameter;
  const std::vector<int64_t> &step = convolution->numbers[103], &before = convolution->numbers[105];
  for (int64_t n = 0; n < y.sizes[0]; n++)
    for (int64_t k = 0; k < y.sizes[1]; k++)
      for (int64_t i = 0; i < y.sizes[2]; i++)
        for (int64_t j = 0; j < y.sizes[3]; j++) {
          float sum = 0;
          for (int64_t a = 0; a < w.sizes[2]; a++)
            for (int64_t b = 0; b < w.sizes[3]; b++) {
              int64_t row = i * step[0] + a - before[0], column = j * step[1] + b - before[1];
              if (row < 0 || row >= x.sizes[2] || column < 0 || column >= x.sizes[3]) continue;
              for (int64_t c = 0; c < x.sizes[1]; c++)
                sum += read(x.address, x.type, x.offset(n, c, row, column)) *
                       read(w.address, w.type, w.offset(k, c, a, b));
            }
          for (const tensor &t : added) sum += read(t.address, t.type, t.offset(n, k, i, j));
          write(y.address, y.type, y.offset(n, k, i, j), sum);
        }
  return 0;
}

}  // namespace

EXPORT void fake_cuda_enable_engine(int enable) { has_engine = enable; }

EXPORT size_t cudnnGetVersion() { return 91300; }
EXPORT const char *cudnnGetErrorString(int) { return "CUDNN_STATUS_FAKE"; }
EXPORT void cudnnGetLastErrorString(char *text, size_t) { strcpy(text, "there is no such engine"); }

EXPORT int cudnnCreate(uintptr_t *handle) {
  if (int result = result_of("cudnnCreate")) return result;
  *handle = 0xD;
  return 0;
}

EXPORT int cudnnDestroy(uintptr_t) { return result_of("cudnnDestroy"); }
EXPORT int cudnnSetStream(uintptr_t, uintptr_t) { return result_of("cudnnSetStream"); }

EXPORT int cudnnBackendCreateDescriptor(int kind, uintptr_t *handle) {
  descriptor *d = new descriptor;
  d->kind = kind;
  *handle = (uintptr_t)d;
  return 0;
}

EXPORT int cudnnBackendDestroyDescriptor(uintptr_t handle) {
  delete at(handle);
  return 0;
}

EXPORT int cudnnBackendSetAttribute(uintptr_t handle, int attribute, int type, int64_t count,
                                    const void *values) {
  if (at(handle)->is_final) return bad_parameter;
  std::vector<int64_t> &numbers = at(handle)->numbers[attribute];
  numbers.clear();
  if (type == 15) at(handle)->references.insert(attribute);
  for (int64_t i = 0; i < count; i++) {
    numbers.push_back(number(values, type, i));
    // What is referred to must be final.
    if (type == 15 && !at((uintptr_t)numbers.back())->is_final) return bad_parameter;
  }
  return 0;
}

EXPORT int cudnnBackendFinalize(uintptr_t handle) {
  if (int result = result_of("cudnnBackendFinalize")) return result;
  descriptor *d = at(handle);
  if (d->kind == 4 && (!has_engine || convolution_of(child(d, 201)).empty()))
    return not_supported;
  if (d->kind == 5 && d->numbers.count(405)) {
    const std::vector<int64_t> &characters = d->numbers[405];
    std::istringstream text(std::string(characters.begin(), characters.end()));
    std::vector<descriptor *> met;
    descriptor *configuration = read_again(text, met);
    if (!text || configuration->kind != 3) return bad_parameter;
    d->numbers[401] = {(int64_t)(uintptr_t)configuration};
  }
  if (d->kind == 5 &&
      !pads_alike(child(convolution_of(child(child(d, 401), 201))[0], 702)))
    return not_supported;
  d->is_final = true;
  return 0;
}

EXPORT int cudnnBackendGetAttribute(uintptr_t handle, int attribute, int type, int64_t capacity,
                                    int64_t *count, void *values) {
  descriptor *d = at(handle);
  *count = 0;
  if (attribute == 202 && type == 15 && capacity > 0) {
    // One recommendation, written into the caller's descriptor; it remembers its graph.
    descriptor *configuration = at(*(uintptr_t *)values);
    configuration->numbers[201] = d->numbers[201];
    configuration->references.insert(201);
    configuration->is_final = true;
    *count = 1;
  } else if (attribute == 300 && type == 15 && capacity > 0) {
    at(*(uintptr_t *)values)->is_final = true;
    *count = 1;
  } else if (attribute == 1301 && type == 3) {
    *(int64_t *)values = 7;
    *count = 1;
  } else if (attribute == 405 && type == 24) {
    std::string text;
    std::vector<descriptor *> met;
    write_down(child(d, 401), met, text);
    *count = (int64_t)text.size();
    if (capacity > 0) memcpy(values, text.data(), std::min(text.size(), (size_t)capacity));
  } else if (attribute == 402 && type == 3) {
    *(int64_t *)values = 1000;
    *count = 1;
  } else if (attribute != 1303) {
    return bad_parameter;
  }
  return 0;
}

EXPORT int cudnnBackendExecute(uintptr_t, uintptr_t plan, uintptr_t pack) {
  if (int result = result_of("cudnnBackendExecute")) return result;
  if (!at(plan)->is_final || !at(pack)->is_final || at(pack)->numbers[1003].at(0) == 0)
    return bad_parameter;
  return convolve(convolution_of(child(child(at(plan), 401), 201)), at(pack));
}
