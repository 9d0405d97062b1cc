// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The compiler, which takes any source for ours, and matrix products by plain loops.

#include <string>
#include <vector>

#include "fake.h"

namespace {

struct program {
  std::string source;
  std::string log, image;
};

}  // namespace

EXPORT int nvrtcVersion(int *major, int *minor) {
  *major = 13;
  *minor = 0;
  return 0;
}

EXPORT const char *nvrtcGetErrorString(int) { return "a pretended error"; }

EXPORT int nvrtcCreateProgram(uintptr_t *handle, const char *source, const char *, int,
                              const char *const *, const char *const *) {
  *handle = (uintptr_t) new program{source, "", ""};
  return 0;
}

EXPORT int nvrtcDestroyProgram(uintptr_t *handle) {
  delete (program *)*handle;
  *handle = 0;
  return 0;
}

EXPORT int nvrtcCompileProgram(uintptr_t handle, int count, const char *const *options) {
  program *p = (program *)handle;
  if (int result = result_of("nvrtcCompileProgram", false)) {
    p->log = "line 1: a pretended mistake";
    return result;
  }
  counts.compilations++;
  char element = 0, is_narrow = 0;
  for (int i = 0; i < count; i++) {
    if (strncmp(options[i], "-DELEMENT=", 10) == 0) element = options[i][10];
    if (strcmp(options[i], "-DFLOAT8") == 0) is_narrow = 1;
  }
  if (element) {
    p->image = std::string("FAKE") + (char)(element + 3 * is_narrow);
    return 0;
  }
  p->log = "ELEMENT is not defined";
  return 6;
}

EXPORT int nvrtcGetProgramLogSize(uintptr_t handle, size_t *bytes) {
  *bytes = ((program *)handle)->log.size() + 1;
  return 0;
}

EXPORT int nvrtcGetProgramLog(uintptr_t handle, char *to) {
  strcpy(to, ((program *)handle)->log.c_str());
  return 0;
}

EXPORT int nvrtcGetCUBINSize(uintptr_t handle, size_t *bytes) {
  *bytes = ((program *)handle)->image.size() + 1;
  return 0;
}

EXPORT int nvrtcGetCUBIN(uintptr_t handle, char *to) {
  strcpy(to, ((program *)handle)->image.c_str());
  return 0;
}

namespace {

constexpr int invalid_value = 7, not_supported = 15;

struct lt_object {
  // A layout.
  int type = 0, batch = 1;
  uint64_t rows = 0, columns = 0;
  int64_t leading = 0, distance = 0;
  // A product.
  int transpose_a = 0, transpose_b = 0, epilogue = 1, bias_type = -1;
  uint64_t bias = 0;
  // A preference.
  uint32_t alignment[4] = {256, 256, 256, 256};
};

float read(uint64_t address, int type, int64_t index) {
  if (type == 0) return ((const float *)address)[index];
  unsigned short bits = ((const unsigned short *)address)[index];
  return type == 2 ? float16_to_float(bits) : bfloat16_to_float(bits);
}

void write(uint64_t address, int type, int64_t index, float value) {
  if (type == 0) {
    ((float *)address)[index] = value;
  } else {
    ((unsigned short *)address)[index] =
        type == 2 ? float_to_float16(value) : float_to_bfloat16(value);
  }
}

}  // namespace

EXPORT size_t cublasLtGetVersion() { return 130000; }
EXPORT const char *cublasLtGetStatusString(int) { return "a pretended status"; }

EXPORT int cublasLtCreate(uintptr_t *handle) {
  if (int result = result_of("cublasLtCreate")) return result;
  *handle = (uintptr_t) new lt_object;
  return 0;
}

static int destroy(uintptr_t handle) {
  delete (lt_object *)handle;
  return 0;
}

EXPORT int cublasLtDestroy(uintptr_t handle) { return destroy(handle); }
EXPORT int cublasLtMatmulDescDestroy(uintptr_t handle) { return destroy(handle); }
EXPORT int cublasLtMatrixLayoutDestroy(uintptr_t handle) { return destroy(handle); }
EXPORT int cublasLtMatmulPreferenceDestroy(uintptr_t handle) { return destroy(handle); }

EXPORT int cublasLtMatmulDescCreate(uintptr_t *handle, int compute, int scale_type) {
  if (compute != 68 || scale_type != 0) return invalid_value;
  *handle = (uintptr_t) new lt_object;
  return 0;
}

EXPORT int cublasLtMatmulDescSetAttribute(uintptr_t handle, int attribute, const void *value,
                                          size_t bytes) {
  lt_object *o = (lt_object *)handle;
  if (bytes != (attribute == 8 ? 8 : 4)) return invalid_value;
  switch (attribute) {
    case 3: o->transpose_a = *(const int *)value; return 0;
    case 4: o->transpose_b = *(const int *)value; return 0;
    case 7: o->epilogue = *(const int *)value; return 0;
    case 8: o->bias = *(const uint64_t *)value; return 0;
    case 26: o->bias_type = *(const int *)value; return 0;
    default: return invalid_value;
  }
}

EXPORT int cublasLtMatrixLayoutCreate(uintptr_t *handle, int type, uint64_t rows,
                                      uint64_t columns, int64_t leading) {
  if (leading < (int64_t)rows) return invalid_value;
  lt_object *o = new lt_object;
  o->type = type;
  o->rows = rows;
  o->columns = columns;
  o->leading = leading;
  *handle = (uintptr_t)o;
  return 0;
}

EXPORT int cublasLtMatrixLayoutSetAttribute(uintptr_t handle, int attribute, const void *value,
                                            size_t bytes) {
  lt_object *o = (lt_object *)handle;
  if (attribute == 5 && bytes == 4) {
    o->batch = *(const int *)value;
  } else if (attribute == 6 && bytes == 8) {
    o->distance = *(const int64_t *)value;
  } else {
    return invalid_value;
  }
  return 0;
}

EXPORT int cublasLtMatmulPreferenceCreate(uintptr_t *handle) {
  *handle = (uintptr_t) new lt_object;
  return 0;
}

EXPORT int cublasLtMatmulPreferenceSetAttribute(uintptr_t handle, int attribute,
                                                const void *value, size_t bytes) {
  if (attribute == 1) return bytes == 8 ? 0 : invalid_value;
  if (attribute < 5 || attribute > 8 || bytes != 4) return invalid_value;
  ((lt_object *)handle)->alignment[attribute - 5] = *(const uint32_t *)value;
  return 0;
}

struct candidate {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

EXPORT int cublasLtMatmulAlgoGetHeuristic(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t,
                                          uintptr_t, uintptr_t preference, int most,
                                          candidate *to, int *count) {
  if (int result = result_of("cublasLtMatmulAlgoGetHeuristic")) return result;
  // The second is the fastest, the third does not do what it should.
  const uint64_t times[3] = {3000, 1000, not_supported};
  *count = most < 3 ? most : 3;
  for (int j = 0; j < *count; j++) {
    to[j] = candidate();
    // What it was chosen for is told to the call that uses it.
    for (int i = 0; i < 4; i++) to[j].algorithm[i] = ((lt_object *)preference)->alignment[i];
    to[j].algorithm[4] = times[j];
  }
  return 0;
}

EXPORT int cublasLtMatmul(uintptr_t, uintptr_t product, const float *alpha, uint64_t a,
                          uintptr_t a_layout, uint64_t b, uintptr_t b_layout, const float *beta,
                          uint64_t c, uintptr_t c_layout, uint64_t d, uintptr_t d_layout,
                          const uint64_t *algorithm, uint64_t, size_t, uintptr_t) {
  if (int result = result_of("cublasLtMatmul")) return result;
  const lt_object &p = *(lt_object *)product, &la = *(lt_object *)a_layout,
                  &lb = *(lt_object *)b_layout, &ld = *(lt_object *)d_layout;
  if (c_layout != d_layout || p.transpose_b) return invalid_value;
  if (algorithm[4] == not_supported) return not_supported;
  pretended_microseconds += (int64_t)algorithm[4];
  if (a % algorithm[0] || b % algorithm[1] || c % algorithm[2] || d % algorithm[3])
    return invalid_value;
  int64_t m = (int64_t)(p.transpose_a ? la.columns : la.rows);
  int64_t k = (int64_t)(p.transpose_a ? la.rows : la.columns);
  int64_t n = (int64_t)lb.columns;
  if ((int64_t)lb.rows != k || (int64_t)ld.rows != m || (int64_t)ld.columns != n ||
      la.batch != lb.batch || la.batch != ld.batch || la.type != lb.type ||
      (p.epilogue == 4 && p.bias_type != ld.type))
    return invalid_value;
  std::vector<float> left((size_t)(m * k)), right((size_t)(k * n));
  for (int64_t batch = 0; batch < la.batch; batch++) {
    for (int64_t i = 0; i < m; i++)
      for (int64_t l = 0; l < k; l++)
        left[(size_t)(i * k + l)] =
            read(a, la.type, batch * la.distance + (p.transpose_a ? i * la.leading + l
                                                                  : l * la.leading + i));
    for (int64_t j = 0; j < n; j++)
      for (int64_t l = 0; l < k; l++)
        right[(size_t)(j * k + l)] = read(b, lb.type, batch * lb.distance + j * lb.leading + l);
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = 0; i < m; i++) {
        const float *x = &left[(size_t)(i * k)], *y = &right[(size_t)(j * k)];
        float sum = 0;
        {
#pragma clang fp reassociate(on)
          for (int64_t l = 0; l < k; l++) sum += x[l] * y[l];
        }
        int64_t at = batch * ld.distance + j * ld.leading + i;
        float value = *alpha * sum;
        if (*beta != 0) value += *beta * read(c, ld.type, at);
        if (p.epilogue == 4) value += read(p.bias, p.bias_type, i);
        write(d, ld.type, at, value);
      }
  }
  return 0;
}
