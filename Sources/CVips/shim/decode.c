// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CVips.h"

#include <string.h>
#include <vips/vips.h>

struct cvips_picture {
  VipsImage *image;
};

static void say_nothing(
    const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer data) {}

const char *cvips_version(void) { return vips_version_string(); }

int32_t cvips_start(const char *program) {
  // Warnings would come before the one line that says what is wrong with the picture.
  g_log_set_default_handler(say_nothing, NULL);
  if (vips_init(program) != 0) return -1;
  vips_block_untrusted_set(TRUE);
  vips_concurrency_set(1);
  vips_cache_set_max(0);
  return 0;
}

// A loader that cannot go row by row would spill a large picture into a temporary file, were it
// not for "memory".
#define LOAD(function)                                                                       \
  function(                                                                                  \
      (void *)bytes, count, &image, "access", VIPS_ACCESS_SEQUENTIAL, "memory", TRUE,        \
      "fail_on", VIPS_FAIL_ON_ERROR, NULL)

cvips_picture *cvips_open(
    cvips_loader loader, const void *bytes, size_t count, cvips_header *header) {
  VipsImage *image = NULL;
  int failed = 1;
  vips_error_clear();
  switch (loader) {
  case CVIPS_PNG: failed = LOAD(vips_pngload_buffer); break;
  case CVIPS_JPEG: failed = LOAD(vips_jpegload_buffer); break;
  case CVIPS_WEBP: failed = LOAD(vips_webpload_buffer); break;
  case CVIPS_TIFF: failed = LOAD(vips_tiffload_buffer); break;
  case CVIPS_HEIF: failed = LOAD(vips_heifload_buffer); break;
  }
  if (failed != 0 || image == NULL) return NULL;

  cvips_picture *picture = g_try_new(cvips_picture, 1);
  if (picture == NULL) {
    g_object_unref(image);
    return NULL;
  }
  picture->image = image;

  VipsBandFormat format = vips_image_get_format(image);
  *header = (cvips_header){
      .width = vips_image_get_width(image),
      .height = vips_image_get_height(image),
      .bands = vips_image_get_bands(image),
      .bytes_per_sample = format == VIPS_FORMAT_UCHAR ? 1 : format == VIPS_FORMAT_USHORT ? 2 : 0,
      .orientation = vips_image_get_orientation(image),
      .is_cmyk = vips_image_get_interpretation(image) == VIPS_INTERPRETATION_CMYK,
      .has_alpha = vips_image_hasalpha(image),
  };
  return picture;
}

int32_t cvips_decode(
    cvips_picture *picture, int32_t bands, int32_t high_byte, void *pixels, size_t count) {
  VipsImage *kept = NULL;
  VipsImage *narrowed = NULL;
  void *decoded = NULL;
  size_t size = 0;
  int32_t result = -1;
  vips_error_clear();
  if (vips_extract_band(picture->image, &kept, 0, "n", bands, NULL) != 0) goto end;
  if (high_byte && vips_image_get_format(kept) == VIPS_FORMAT_USHORT) {
    if (vips_msb(kept, &narrowed, NULL) != 0) goto end;
  } else {
    narrowed = g_object_ref(kept);
  }
  decoded = vips_image_write_to_memory(narrowed, &size);
  if (decoded == NULL) goto end;
  if (size != count) {
    vips_error("zoetrope-picture", "decoded %zu bytes where %zu were expected", size, count);
    goto end;
  }
  memcpy(pixels, decoded, size);
  result = 0;

end:
  g_free(decoded);
  if (narrowed != NULL) g_object_unref(narrowed);
  if (kept != NULL) g_object_unref(kept);
  return result;
}

void cvips_close(cvips_picture *picture) {
  g_object_unref(picture->image);
  g_free(picture);
}

const char *cvips_message(void) { return vips_error_buffer(); }
