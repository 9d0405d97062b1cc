// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CPage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page_html_text[] = {
#embed "files/page.html"
    , 0};

const char *page_html(void) { return (const char *)page_html_text; }

static const unsigned char page_css_text[] = {
#embed "files/page.css"
    , 0};

const char *page_css(void) { return (const char *)page_css_text; }

static const unsigned char page_js_text[] = {
#embed "files/page.js"
    , 0};

const char *page_js(void) { return (const char *)page_js_text; }

static const unsigned char dom_js_text[] = {
#embed "files/dom.js"
    , 0};

const char *dom_js(void) { return (const char *)dom_js_text; }

static const unsigned char server_js_text[] = {
#embed "files/server.js"
    , 0};

const char *server_js(void) { return (const char *)server_js_text; }

static const unsigned char form_js_text[] = {
#embed "files/form.js"
    , 0};

const char *form_js(void) { return (const char *)form_js_text; }

static const unsigned char samples_js_text[] = {
#embed "files/samples.js"
    , 0};

const char *samples_js(void) { return (const char *)samples_js_text; }

static const unsigned char operations_js_text[] = {
#embed "files/operations.js"
    , 0};

const char *operations_js(void) { return (const char *)operations_js_text; }

static const unsigned char answer_js_text[] = {
#embed "files/answer.js"
    , 0};

const char *answer_js(void) { return (const char *)answer_js_text; }

static const unsigned char icon_svg_text[] = {
#embed "files/icon.svg"
    , 0};

const char *icon_svg(void) { return (const char *)icon_svg_text; }
