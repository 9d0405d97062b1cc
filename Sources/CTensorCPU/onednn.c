// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CTensorCPU.h"

// oneDNN changed its C interface between 2 (Debian 12, Ubuntu 22.04) and 3 (Debian 13, Ubuntu 24.04):
// memory descriptors became opaque and operation descriptors went away. Both are spoken here, and
// nowhere else.
#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t descriptor;
typedef const_dnnl_memory_desc_t descriptor_view;
#else
typedef dnnl_memory_desc_t *descriptor;
typedef const dnnl_memory_desc_t *descriptor_view;
#endif

struct cpu_plan {
  dnnl_primitive_t primitive;
  dnnl_primitive_desc_t description;
  dnnl_memory_t x, weights, bias, residual, y, scratch;
  descriptor plain_weights;
  descriptor_view packed_weights;
  ptrdiff_t count;  // elements of y
  bool adds_residual_after;
};

static dnnl_engine_t shared_engine;
static dnnl_stream_t shared_stream;

static void make_engine(void) __attribute__((constructor));
static void make_engine(void) {
  // A failure leaves both null; every later call then answers dnnl_invalid_arguments.
  if (dnnl_engine_create(&shared_engine, dnnl_cpu, 0) != dnnl_success) shared_engine = NULL;
  if (shared_engine &&
      dnnl_stream_create(&shared_stream, shared_engine, dnnl_stream_default_flags) != dnnl_success)
    shared_stream = NULL;
}

void cpu_onednn_version(char *text, size_t capacity) {
  const dnnl_version_t *v = dnnl_version();
  snprintf(text, capacity, "%d.%d.%d", v->major, v->minor, v->patch);
}

static descriptor describe(int rank, const ptrdiff_t *sizes, dnnl_format_tag_t tag) {
  dnnl_dims_t dims = {0};
  for (int i = 0; i < rank; i++) dims[i] = sizes[i];
#if DNNL_VERSION_MAJOR >= 3
  descriptor d = NULL;
  if (dnnl_memory_desc_create_with_tag(&d, rank, dims, dnnl_f32, tag) != dnnl_success) return NULL;
  return d;
#else
  descriptor d = calloc(1, sizeof *d);
  if (d && dnnl_memory_desc_init_by_tag(d, rank, dims, dnnl_f32, tag) != dnnl_success) {
    free(d);
    return NULL;
  }
  return d;
#endif
}

static void forget(descriptor d) {
#if DNNL_VERSION_MAJOR >= 3
  if (d) dnnl_memory_desc_destroy(d);
#else
  free(d);
#endif
}

static dnnl_status_t bind(dnnl_memory_t *memory, descriptor_view d) {
  return dnnl_memory_create(memory, d, shared_engine, DNNL_MEMORY_NONE);
}

typedef struct {
  descriptor x, weights, bias, y;
  const cpu_convolution_shape *convolution;  // null for a matmul
} problem;

static dnnl_status_t describe_primitive(const problem *p, bool residual, dnnl_primitive_desc_t *out) {
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t extras = NULL;
  dnnl_status_t s = dnnl_primitive_attr_create(&attributes);
  if (s == dnnl_success) s = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (s == dnnl_success && residual) {
    s = dnnl_post_ops_create(&extras);
    if (s == dnnl_success) s = dnnl_post_ops_append_binary(extras, dnnl_binary_add, p->y);
    if (s == dnnl_success) s = dnnl_primitive_attr_set_post_ops(attributes, extras);
  }
  if (s == dnnl_success && p->convolution) {
    const cpu_convolution_shape *c = p->convolution;
    dnnl_dims_t strides = {c->stride_height, c->stride_width};
    dnnl_dims_t before = {c->top, c->left}, after = {c->bottom, c->right};
#if DNNL_VERSION_MAJOR >= 3
    dnnl_dims_t dilation = {0, 0};
    s = dnnl_convolution_forward_primitive_desc_create(
        out, shared_engine, dnnl_forward_inference, dnnl_convolution_direct, p->x, p->weights, p->bias,
        p->y, strides, dilation, before, after, attributes);
#else
    dnnl_convolution_desc_t d;
    s = dnnl_convolution_forward_desc_init(&d, dnnl_forward_inference, dnnl_convolution_direct, p->x,
                                           p->weights, p->bias, p->y, strides, before, after);
    if (s == dnnl_success) s = dnnl_primitive_desc_create(out, &d, attributes, shared_engine, NULL);
#endif
  } else if (s == dnnl_success) {
#if DNNL_VERSION_MAJOR >= 3
    s = dnnl_matmul_primitive_desc_create(out, shared_engine, p->x, p->weights, p->bias, p->y, attributes);
#else
    dnnl_matmul_desc_t d;
    s = dnnl_matmul_desc_init(&d, p->x, p->weights, p->bias, p->y);
    if (s == dnnl_success) s = dnnl_primitive_desc_create(out, &d, attributes, shared_engine, NULL);
#endif
  }
  if (extras) dnnl_post_ops_destroy(extras);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return s;
}

static const char *kernel_name(dnnl_primitive_desc_t d) {
  const char *name = NULL;
  if (dnnl_primitive_desc_query(d, dnnl_query_impl_info_str, 0, &name) != dnnl_success || !name) return "";
  return name;
}

static int finish(const problem *p, descriptor plain, bool residual, ptrdiff_t count, cpu_plan **out) {
  cpu_plan *plan = calloc(1, sizeof *plan);
  dnnl_status_t s = plan && p->x && p->weights && p->y && plain && shared_stream ? dnnl_success
                                                                               : dnnl_out_of_memory;
  if (s == dnnl_success) {
    plan->plain_weights = plain;
    plan->count = count;
    s = describe_primitive(p, residual, &plan->description);
    // Where no fast kernel takes the addition along, a fast kernel and a second pass are better
    // than oneDNN's reference loops.
    if (residual && (s != dnnl_success || strstr(kernel_name(plan->description), "ref"))) {
      if (s == dnnl_success) dnnl_primitive_desc_destroy(plan->description);
      plan->description = NULL;
      plan->adds_residual_after = true;
      s = describe_primitive(p, false, &plan->description);
    }
  }
  if (s == dnnl_success) s = dnnl_primitive_create(&plan->primitive, plan->description);
  if (s == dnnl_success) {
    plan->packed_weights = dnnl_primitive_desc_query_md(plan->description, dnnl_query_weights_md, 0);
    s = bind(&plan->x, p->x);
    if (s == dnnl_success) s = bind(&plan->weights, plan->packed_weights);
    if (s == dnnl_success && p->bias) s = bind(&plan->bias, p->bias);
    if (s == dnnl_success) s = bind(&plan->y, p->y);
    if (s == dnnl_success) s = bind(&plan->residual, p->y);
    if (s == dnnl_success)
      s = bind(&plan->scratch, dnnl_primitive_desc_query_md(plan->description, dnnl_query_scratchpad_md, 0));
  }
  forget(p->x);
  forget(p->weights);
  forget(p->bias);
  forget(p->y);
  if (s != dnnl_success) {
    if (plan && !plan->plain_weights) forget(plain);
    if (!plan) forget(plain);
    cpu_plan_destroy(plan);
    plan = NULL;
  }
  *out = plan;
  return s;
}

int cpu_plan_convolution(const cpu_convolution_shape *c, bool bias, bool residual, cpu_plan **out) {
  ptrdiff_t x[] = {c->images, c->inputs, c->height, c->width};
  ptrdiff_t w[] = {c->outputs, c->inputs, c->kernel_height, c->kernel_width};
  ptrdiff_t y[] = {c->images, c->outputs, c->out_height, c->out_width};
  problem p = {describe(4, x, dnnl_nhwc), describe(4, w, dnnl_format_tag_any),
               bias ? describe(1, w, dnnl_a) : NULL, describe(4, y, dnnl_nhwc), c};
  return finish(&p, describe(4, w, dnnl_oihw), residual, y[0] * y[1] * y[2] * y[3], out);
}

int cpu_plan_linear(ptrdiff_t rows, ptrdiff_t inputs, ptrdiff_t outputs, bool bias, bool residual,
                    cpu_plan **out) {
  ptrdiff_t x[] = {rows, inputs}, w[] = {inputs, outputs}, b[] = {1, outputs}, y[] = {rows, outputs};
  problem p = {describe(2, x, dnnl_ab), describe(2, w, dnnl_format_tag_any),
               bias ? describe(2, b, dnnl_ab) : NULL, describe(2, y, dnnl_ab), NULL};
  // A checkpoint stores [outputs, inputs]: the transpose of the matrix that is multiplied by.
  return finish(&p, describe(2, w, dnnl_ba), residual, rows * outputs, out);
}

void cpu_plan_destroy(cpu_plan *plan) {
  if (!plan) return;
  dnnl_memory_t memories[] = {plan->x, plan->weights, plan->bias, plan->residual, plan->y, plan->scratch};
  for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
    if (memories[i]) dnnl_memory_destroy(memories[i]);
  if (plan->primitive) dnnl_primitive_destroy(plan->primitive);
  if (plan->description) dnnl_primitive_desc_destroy(plan->description);
  forget(plan->plain_weights);
  free(plan);
}

size_t cpu_plan_weight_bytes(const cpu_plan *plan) {
  return dnnl_memory_desc_get_size(plan->packed_weights);
}

size_t cpu_plan_scratch_bytes(const cpu_plan *plan) {
  return dnnl_memory_desc_get_size(
      dnnl_primitive_desc_query_md(plan->description, dnnl_query_scratchpad_md, 0));
}

bool cpu_plan_reads_plain_weights(const cpu_plan *plan) {
  return dnnl_memory_desc_equal(plan->packed_weights, plan->plain_weights) != 0;
}

bool cpu_plan_shares_layout(const cpu_plan *a, const cpu_plan *b) {
  return dnnl_memory_desc_equal(a->packed_weights, b->packed_weights) != 0;
}

static int reorder(descriptor_view source, const float *in, descriptor_view target, float *out) {
  dnnl_memory_t from = NULL, to = NULL;
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_t primitive = NULL;
  dnnl_status_t s = dnnl_memory_create(&from, source, shared_engine, (void *)in);
  if (s == dnnl_success) s = dnnl_memory_create(&to, target, shared_engine, out);
  if (s == dnnl_success)
    s = dnnl_reorder_primitive_desc_create(&description, source, shared_engine, target,
                                           shared_engine, NULL);
  if (s == dnnl_success) s = dnnl_primitive_create(&primitive, description);
  if (s == dnnl_success) {
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    s = dnnl_primitive_execute(primitive, shared_stream, 2, arguments);
    if (s == dnnl_success) s = dnnl_stream_wait(shared_stream);
  }
  if (primitive) dnnl_primitive_destroy(primitive);
  if (description) dnnl_primitive_desc_destroy(description);
  if (from) dnnl_memory_destroy(from);
  if (to) dnnl_memory_destroy(to);
  return s;
}

int cpu_plan_pack(const cpu_plan *plan, const float *plain, float *packed) {
  return reorder(plan->plain_weights, plain, plan->packed_weights, packed);
}

int cpu_plan_unpack(const cpu_plan *plan, const float *packed, float *plain) {
  return reorder(plan->packed_weights, packed, plan->plain_weights, plain);
}

int cpu_plan_run(cpu_plan *plan, const float *x, const float *weights, const float *bias,
                 const float *residual, float *y, void *scratch) {
  dnnl_exec_arg_t arguments[6];
  int count = 0;
  dnnl_status_t s = dnnl_success;
#define BIND(argument, memory, pointer)                                        \
  do {                                                                         \
    if (s == dnnl_success) s = dnnl_memory_set_data_handle(memory, (void *)(pointer)); \
    arguments[count++] = (dnnl_exec_arg_t){argument, memory};                  \
  } while (0)
  BIND(DNNL_ARG_SRC, plan->x, x);
  BIND(DNNL_ARG_WEIGHTS, plan->weights, weights);
  BIND(DNNL_ARG_DST, plan->y, y);
  if (plan->bias) BIND(DNNL_ARG_BIAS, plan->bias, bias);
  if (residual && !plan->adds_residual_after)
    BIND(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, plan->residual, residual);
  if (scratch) BIND(DNNL_ARG_SCRATCHPAD, plan->scratch, scratch);
#undef BIND
  if (s == dnnl_success) s = dnnl_primitive_execute(plan->primitive, shared_stream, count, arguments);
  if (s == dnnl_success) s = dnnl_stream_wait(shared_stream);
  if (s == dnnl_success && residual && plan->adds_residual_after)
    cpu_combine(y, 1.0f, residual, 1.0f, y, plan->count);
  return s;
}
