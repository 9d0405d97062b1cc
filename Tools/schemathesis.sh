#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# Asks a running server everything that its OpenAPI document allows, and much that it does not:
# no answer may be a 5xx or have a status or a type that the document leaves out.
# usage: Tools/schemathesis.sh http://127.0.0.1:3000 [EXAMPLES]
set -euo pipefail
cd "$(dirname "$0")/.."

if ! [ -x .build/schemathesis/bin/st ]; then
  python3 -m venv .build/schemathesis
  .build/schemathesis/bin/pip install --quiet schemathesis==4.32.5
fi
# It now and then sends a picture that is one, and waits for the clip.
exec .build/schemathesis/bin/st run "$1/docs.json" --url "$1" --max-examples "${2:-30}" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance \
  --phases examples,coverage,fuzzing --request-timeout 120 --warnings off
