#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# Asks a server everything that its OpenAPI document allows, and much that it does not: no answer may be
# a 5xx or have a status or a type that the document leaves out. The server is the release build, with a
# model that makes a clip in no time.
# usage: Tools/schemathesis.sh [EXAMPLES]
set -euo pipefail
cd "$(dirname "$0")/.."

tool=.build/schemathesis
if ! [ -x $tool/bin/st ]; then
  python3 -m venv $tool
  $tool/bin/pip install --quiet schemathesis==4.32.5
fi

work=$(mktemp -d)
mkdir "$work/temporary"
touch "$work/log"
.build/release/zoetrope model init --tiny "$work/model"
echo '{"width": 64, "height": 64, "num_inference_steps": 1}' > "$work/model/zoetrope.json"
ZOETROPE_STORE=$work/store TMPDIR=$work/temporary .build/release/zoetrope serve \
  --model "$work/model" --host 127.0.0.1 --port 0 --queue 10000 2> "$work/log" &
server=$!
trap 'kill $server 2> /dev/null; wait $server; rm -rf "$work"' EXIT
until address=$(grep -om 1 'http://[a-z0-9.]*:[0-9]*' "$work/log"); do
  kill -0 $server
  sleep 0.1
done

SCHEMATHESIS_HOOKS=Tools/schemathesis_hooks.py $tool/bin/st run "$address/docs.json" \
  --url "$address" --max-examples "${1:-30}" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance \
  --phases examples,coverage,fuzzing --request-timeout 120 --warnings off
leftovers=$(ls "$work/temporary")
[ -z "$leftovers" ] || { echo "left behind: $leftovers"; exit 1; }
