#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# Builds the documentation of the libraries into .build/docs, or the folder that is given: a site that
# any web server can serve. What docc warns of is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

output=${1:-.build/docs}
docc=$(command -v docc || echo "$(dirname "$(readlink -f "$(command -v swift)")")/docc")
graphs="$(swift build -c release --show-bin-path)/../symbolgraph"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$graphs"
# It stumbles over modules of C, which have none, and writes those of Swift all the same.
swift package -c release dump-symbol-graph --minimum-access-level public \
  --skip-synthesized-members &>"$work/log" || true
[[ -e "$graphs/Serving.symbols.json" ]] || { cat "$work/log" >&2; exit 1; }
archives=()
for module in Serving ZoetropeClient StableVideoDiffusion; do
  mkdir "$work/$module"
  cp "$graphs/$module.symbols.json" "$work/$module"
  archives+=("$work/$module.doccarchive")
  "$docc" convert "Sources/$module/$module.docc" --additional-symbol-graph-dir "$work/$module" \
    --fallback-display-name "$module" --fallback-bundle-identifier "org.zoetrope.$module" \
    --warnings-as-errors --output-path "$work/$module.doccarchive"
done
rm -rf "$output"
"$docc" merge "${archives[@]}" --output-path "$output"
echo "$output: serve it, as with python3 -m http.server --directory $output, and open /documentation"
