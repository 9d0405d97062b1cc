// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CStudio.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char studio_html_text[] = {
#embed "files/studio.html"
    , 0};

const char *studio_html(void) { return (const char *)studio_html_text; }

static const unsigned char studio_css_text[] = {
#embed "files/studio.css"
    , 0};

const char *studio_css(void) { return (const char *)studio_css_text; }

static const unsigned char studio_js_text[] = {
#embed "files/studio.js"
    , 0};

const char *studio_js(void) { return (const char *)studio_js_text; }

static const unsigned char jobs_js_text[] = {
#embed "files/jobs.js"
    , 0};

const char *jobs_js(void) { return (const char *)jobs_js_text; }

static const unsigned char picture_js_text[] = {
#embed "files/picture.js"
    , 0};

const char *picture_js(void) { return (const char *)picture_js_text; }

static const unsigned char presets_js_text[] = {
#embed "files/presets.js"
    , 0};

const char *presets_js(void) { return (const char *)presets_js_text; }

static const unsigned char screen_js_text[] = {
#embed "files/screen.js"
    , 0};

const char *screen_js(void) { return (const char *)screen_js_text; }

static const unsigned char history_js_text[] = {
#embed "files/history.js"
    , 0};

const char *history_js(void) { return (const char *)history_js_text; }

static const unsigned char compare_js_text[] = {
#embed "files/compare.js"
    , 0};

const char *compare_js(void) { return (const char *)compare_js_text; }

static const unsigned char controls_js_text[] = {
#embed "files/controls.js"
    , 0};

const char *controls_js(void) { return (const char *)controls_js_text; }

static const unsigned char words_js_text[] = {
#embed "files/words.js"
    , 0};

const char *words_js(void) { return (const char *)words_js_text; }
