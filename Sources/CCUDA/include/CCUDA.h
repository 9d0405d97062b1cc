// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The entry points of NVIDIA's libraries that are called, as types alone: nothing is linked. Handles
// and addresses on the device are integers here, which the calling conventions of x86-64 and AArch64
// pass just as pointers; so they cannot be followed by mistake.

#ifndef ZOETROPE_CCUDA_H
#define ZOETROPE_CCUDA_H

#include <stddef.h>
#include <stdint.h>

typedef uintptr_t cuda_handle;
typedef uint64_t cuda_address;

// MARK: The driver, libcuda

enum {
  CUDA_RESULT_OUT_OF_MEMORY = 2,
  CUDA_RESULT_NO_DEVICE = 100,

  CUDA_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CUDA_ATTRIBUTE_CAPABILITY_MAJOR = 75,
  CUDA_ATTRIBUTE_CAPABILITY_MINOR = 76,
  CUDA_ATTRIBUTE_SHARED_MEMORY_OPT_IN = 97,
  CUDA_ATTRIBUTE_MEMORY_POOLS = 115,

  CUDA_POOL_RELEASE_THRESHOLD = 4,
  CUDA_FUNCTION_DYNAMIC_SHARED_MEMORY = 8,
  CUDA_STREAM_NON_BLOCKING = 1,
  CUDA_EVENT_BLOCKING_SYNC = 1,
  CUDA_CONTEXT_BLOCKING_SYNC = 4,

  CUDA_TENSOR_MAP_UINT16 = 1,
  CUDA_TENSOR_MAP_NOT_INTERLEAVED = 0,
  CUDA_TENSOR_MAP_SWIZZLE_128_BYTES = 3,
  CUDA_TENSOR_MAP_PROMOTE_TO_256_BYTES = 3,
  CUDA_TENSOR_MAP_FILL_WITH_ZEROS = 0,
};

typedef int (*cuda_init)(unsigned flags);
typedef int (*cuda_driver_version)(int *version);
typedef int (*cuda_error_text)(int result, const char **text);
typedef int (*cuda_device_count)(int *count);
typedef int (*cuda_device_get)(int *device, int ordinal);
typedef int (*cuda_device_name)(char *name, int capacity, int device);
typedef int (*cuda_device_memory)(size_t *bytes, int device);
typedef int (*cuda_device_attribute)(int *value, int attribute, int device);
typedef int (*cuda_primary_context_retain)(cuda_handle *context, int device);
typedef int (*cuda_primary_context_set_flags)(int device, unsigned flags);
typedef int (*cuda_primary_context_release)(int device);
typedef int (*cuda_context_set)(cuda_handle context);
typedef int (*cuda_context_synchronize)(void);
typedef int (*cuda_memory_info)(size_t *free, size_t *total);
typedef int (*cuda_stream_create)(cuda_handle *stream, unsigned flags);
typedef int (*cuda_stream_call)(cuda_handle stream);
typedef int (*cuda_event_create)(cuda_handle *event, unsigned flags);
typedef int (*cuda_event_record)(cuda_handle event, cuda_handle stream);
typedef int (*cuda_event_call)(cuda_handle event);
typedef int (*cuda_event_elapsed)(float *milliseconds, cuda_handle start, cuda_handle end);
typedef int (*cuda_allocate)(cuda_address *address, size_t bytes);
typedef int (*cuda_free)(cuda_address address);
typedef int (*cuda_allocate_ordered)(cuda_address *address, size_t bytes, cuda_handle stream);
typedef int (*cuda_free_ordered)(cuda_address address, cuda_handle stream);
typedef int (*cuda_device_pool)(cuda_handle *pool, int device);
typedef int (*cuda_pool_set)(cuda_handle pool, int attribute, void *value);
typedef int (*cuda_pool_trim)(cuda_handle pool, size_t keep);
typedef int (*cuda_host_allocate)(void **memory, size_t bytes, unsigned flags);
typedef int (*cuda_host_free)(void *memory);
typedef int (*cuda_copy_in)(cuda_address to, const void *from, size_t bytes, cuda_handle stream);
typedef int (*cuda_copy_out)(void *to, cuda_address from, size_t bytes, cuda_handle stream);
typedef int (*cuda_copy)(cuda_address to, cuda_address from, size_t bytes, cuda_handle stream);
typedef int (*cuda_fill)(cuda_address to, unsigned char value, size_t bytes, cuda_handle stream);
typedef int (*cuda_module_load)(cuda_handle *module, const void *image);
typedef int (*cuda_module_unload)(cuda_handle module);
typedef int (*cuda_module_function)(cuda_handle *function, cuda_handle module, const char *name);
typedef int (*cuda_function_set)(cuda_handle function, int attribute, int value);
typedef int (*cuda_tensor_map_encode)(void *map, int type, unsigned rank, cuda_address address,
                                      const uint64_t *sizes, const uint64_t *strides,
                                      const unsigned *box, const unsigned *steps, int interleave,
                                      int swizzle, int promotion, int fill);
typedef int (*cuda_launch)(cuda_handle function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                           unsigned block_x, unsigned block_y, unsigned block_z,
                           unsigned shared_bytes, cuda_handle stream, void **arguments,
                           void **extra);

// MARK: The run-time compiler, libnvrtc

typedef int (*nvrtc_version)(int *major, int *minor);
typedef const char *(*nvrtc_error_text)(int result);
typedef int (*nvrtc_create)(cuda_handle *program, const char *source, const char *name,
                            int header_count, const char *const *headers,
                            const char *const *header_names);
typedef int (*nvrtc_destroy)(cuda_handle *program);
typedef int (*nvrtc_compile)(cuda_handle program, int option_count, const char *const *options);
typedef int (*nvrtc_size)(cuda_handle program, size_t *bytes);
typedef int (*nvrtc_read)(cuda_handle program, char *bytes);

// MARK: Matrix products, libcublasLt

enum {
  LT_RESULT_ALLOCATION_FAILED = 3,
  LT_RESULT_NOT_SUPPORTED = 15,

  // How numbers are stored, and how products are summed up.
  LT_TYPE_FLOAT32 = 0,
  LT_TYPE_FLOAT16 = 2,
  LT_TYPE_BFLOAT16 = 14,
  LT_COMPUTE_FLOAT32 = 68,

  LT_OPERATION_PLAIN = 0,
  LT_OPERATION_TRANSPOSED = 1,

  LT_PRODUCT_TRANSPOSE_A = 3,
  LT_PRODUCT_TRANSPOSE_B = 4,
  LT_PRODUCT_EPILOGUE = 7,
  LT_PRODUCT_BIAS = 8,
  LT_PRODUCT_BIAS_TYPE = 26,
  LT_EPILOGUE_NONE = 1,
  LT_EPILOGUE_BIAS = 4,

  LT_LAYOUT_BATCH_COUNT = 5,
  LT_LAYOUT_BATCH_STRIDE = 6,

  LT_PREFERENCE_WORKSPACE = 1,
  LT_PREFERENCE_ALIGNMENT_A = 5,
  LT_PREFERENCE_ALIGNMENT_B = 6,
  LT_PREFERENCE_ALIGNMENT_C = 7,
  LT_PREFERENCE_ALIGNMENT_D = 8,
};

/// How to compute a product; the library reads and writes it whole.
typedef struct {
  uint64_t words[8];
} lt_algorithm;

typedef struct {
  lt_algorithm algorithm;
  size_t workspace_bytes;
  int state;
  float waves;
  int reserved[4];
} lt_candidate;

typedef size_t (*lt_version)(void);
typedef const char *(*lt_status_text)(int status);
typedef int (*lt_create)(cuda_handle *library);
typedef int (*lt_destroy)(cuda_handle handle);
typedef int (*lt_product_create)(cuda_handle *product, int compute, int scale_type);
typedef int (*lt_layout_create)(cuda_handle *layout, int type, uint64_t rows, uint64_t columns,
                                int64_t leading);
typedef int (*lt_preference_create)(cuda_handle *preference);
typedef int (*lt_set)(cuda_handle object, int attribute, const void *value, size_t bytes);
typedef int (*lt_heuristic)(cuda_handle library, cuda_handle product, cuda_handle a, cuda_handle b,
                            cuda_handle c, cuda_handle d, cuda_handle preference, int capacity,
                            lt_candidate *candidates, int *count);
typedef int (*lt_multiply)(cuda_handle library, cuda_handle product, const void *alpha,
                           cuda_address a, cuda_handle a_layout, cuda_address b,
                           cuda_handle b_layout, const void *beta, cuda_address c,
                           cuda_handle c_layout, cuda_address d, cuda_handle d_layout,
                           const lt_algorithm *algorithm, cuda_address workspace,
                           size_t workspace_bytes, cuda_handle stream);

// MARK: Convolution and attention, libcudnn 9's graphs

enum {
  DNN_RESULT_NOT_SUPPORTED = 3000,
  DNN_RESULT_INTERNAL = 4000,
  DNN_RESULT_EXECUTION_FAILED = 5000,

  DNN_FLOAT32 = 0,
  DNN_FLOAT16 = 2,
  DNN_BFLOAT16 = 9,

  // Kinds of descriptors.
  DNN_POINTWISE = 0,
  DNN_CONVOLUTION = 1,
  DNN_ENGINE = 2,
  DNN_ENGINE_CONFIGURATION = 3,
  DNN_HEURISTIC = 4,
  DNN_PLAN = 5,
  DNN_CONVOLUTION_OPERATION = 10,
  DNN_POINTWISE_OPERATION = 13,
  DNN_GRAPH = 15,
  DNN_VARIANT_PACK = 16,
  DNN_TENSOR = 17,
  DNN_PRODUCT = 18,
  DNN_PRODUCT_OPERATION = 19,
  DNN_REDUCTION = 21,
  DNN_REDUCTION_OPERATION = 22,

  // Types of attributes.
  DNN_TYPE_HANDLE = 0,
  DNN_TYPE_DATA_TYPE = 1,
  DNN_TYPE_BOOLEAN = 2,
  DNN_TYPE_INT64 = 3,
  DNN_TYPE_FLOAT = 4,
  DNN_TYPE_POINTER = 6,
  DNN_TYPE_CONVOLUTION_MODE = 7,
  DNN_TYPE_HEURISTIC_MODE = 8,
  DNN_TYPE_NUMERICAL_NOTE = 11,
  DNN_TYPE_POINTWISE_MODE = 14,
  DNN_TYPE_DESCRIPTOR = 15,
  DNN_TYPE_REDUCTION_OPERATOR = 18,
  DNN_TYPE_CHARACTER = 24,

  // Attributes, by the kind of descriptor that has them.
  DNN_POINTWISE_MODE = 0,
  DNN_POINTWISE_PRECISION = 1,
  DNN_CONVOLUTION_PRECISION = 100,
  DNN_CONVOLUTION_MODE = 101,
  DNN_CONVOLUTION_DILATIONS = 102,
  DNN_CONVOLUTION_STRIDES = 103,
  DNN_CONVOLUTION_PADDING_BEHIND = 104,
  DNN_CONVOLUTION_PADDING_BEFORE = 105,
  DNN_CONVOLUTION_DIMENSIONS = 106,
  DNN_HEURISTIC_MODE = 200,
  DNN_HEURISTIC_GRAPH = 201,
  DNN_HEURISTIC_RESULTS = 202,
  DNN_CONFIGURATION_ENGINE = 300,
  DNN_PLAN_HANDLE = 400,
  DNN_PLAN_CONFIGURATION = 401,
  DNN_PLAN_WORKSPACE = 402,
  DNN_PLAN_TEXT = 405,
  DNN_CONVOLVE_ALPHA = 700,
  DNN_CONVOLVE_BETA = 701,
  DNN_CONVOLVE_CONVOLUTION = 702,
  DNN_CONVOLVE_WEIGHT = 703,
  DNN_CONVOLVE_X = 704,
  DNN_CONVOLVE_Y = 705,
  DNN_APPLY_POINTWISE = 750,
  DNN_APPLY_X = 751,
  DNN_APPLY_B = 752,
  DNN_APPLY_Y = 753,
  DNN_GRAPH_HANDLE = 800,
  DNN_GRAPH_OPERATIONS = 801,
  DNN_TENSOR_ALIGNMENT = 900,
  DNN_TENSOR_DATA_TYPE = 901,
  DNN_TENSOR_DIMENSIONS = 902,
  DNN_TENSOR_STRIDES = 903,
  DNN_TENSOR_IDENTIFIER = 906,
  DNN_TENSOR_IS_VIRTUAL = 907,
  DNN_TENSOR_IS_BY_VALUE = 908,
  DNN_PACK_IDENTIFIERS = 1000,
  DNN_PACK_POINTERS = 1001,
  DNN_PACK_WORKSPACE = 1003,
  DNN_ENGINE_INDEX = 1301,
  DNN_ENGINE_NUMERICAL_NOTE = 1303,
  DNN_PRODUCT_PRECISION = 1500,
  DNN_MULTIPLY_A = 1520,
  DNN_MULTIPLY_B = 1521,
  DNN_MULTIPLY_C = 1522,
  DNN_MULTIPLY_PRODUCT = 1523,
  DNN_REDUCTION_OPERATOR = 1600,
  DNN_REDUCTION_PRECISION = 1601,
  DNN_REDUCE_X = 1610,
  DNN_REDUCE_Y = 1611,
  DNN_REDUCE_REDUCTION = 1612,

  DNN_MODE_CROSS_CORRELATION = 1,
  DNN_MODE_ADD = 0,
  DNN_MODE_MULTIPLY = 1,
  DNN_MODE_DIVIDE = 6,
  DNN_MODE_SUBTRACT = 9,
  DNN_MODE_EXP = 13,
  DNN_MODE_LOG = 15,
  DNN_REDUCE_ADD = 0,
  DNN_REDUCE_MAX = 3,
  DNN_HEURISTIC_FALLBACK = 2,
  DNN_HEURISTIC_A = 3,
  DNN_NOTE_TENSOR_CORE = 0,
  DNN_NOTE_DOWN_CONVERTS = 1,
  DNN_NOTE_NOT_DETERMINISTIC = 4,
  DNN_NOTE_COUNT = 10,
};

typedef size_t (*dnn_version)(void);
typedef const char *(*dnn_status_text)(int status);
typedef void (*dnn_last_error)(char *text, size_t capacity);
typedef int (*dnn_create)(cuda_handle *library);
typedef int (*dnn_destroy)(cuda_handle library);
typedef int (*dnn_set_stream)(cuda_handle library, cuda_handle stream);
typedef int (*dnn_descriptor_create)(int kind, cuda_handle *descriptor);
typedef int (*dnn_descriptor_call)(cuda_handle descriptor);
typedef int (*dnn_set)(cuda_handle descriptor, int attribute, int type, int64_t count,
                       const void *values);
typedef int (*dnn_get)(cuda_handle descriptor, int attribute, int type, int64_t capacity,
                       int64_t *count, void *values);
typedef int (*dnn_execute)(cuda_handle library, cuda_handle plan, cuda_handle pack);

#endif
