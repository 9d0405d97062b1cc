// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

#include "CVersion.h"

const char *cversion_commit(void) { return ZOETROPE_COMMIT; }
const char *cversion_epoch(void) { return SOURCE_DATE_EPOCH; }
const char *cversion_swift(void) { return ZOETROPE_SWIFT; }
