// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The files of the studio, the part of the page that makes clips.

#ifndef ZOETROPE_CSTUDIO_H
#define ZOETROPE_CSTUDIO_H

// Each is a text in UTF-8 that ends in a zero.

const char *studio_html(void);
const char *studio_css(void);
const char *studio_js(void);
const char *jobs_js(void);
const char *picture_js(void);
const char *presets_js(void);
const char *screen_js(void);
const char *history_js(void);
const char *compare_js(void);
const char *controls_js(void);
const char *words_js(void);

#endif
