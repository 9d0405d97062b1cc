// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// The files of a service's page, part of the program: it needs no file beside it to serve them.

#ifndef ZOETROPE_CPAGE_H
#define ZOETROPE_CPAGE_H

// Each is a text in UTF-8 that ends in a zero.

const char *page_html(void);
const char *page_css(void);
const char *page_js(void);
const char *dom_js(void);
const char *server_js(void);
const char *form_js(void);
const char *samples_js(void);
const char *operations_js(void);
const char *answer_js(void);
const char *icon_svg(void);

#endif
