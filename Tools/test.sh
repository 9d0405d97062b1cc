#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, checks the format, builds without warnings, and runs all tests.
set -euo pipefail
cd "$(dirname "$0")/.."

Tools/setup.sh chromium curl docker-registry openssl groff-base make python3-venv skopeo umoci
# BentoML's own client, to hold the server to what it expects, and a driver for the browser.
requirements=Tests/VideoServiceTests/Clients/requirements.txt
if ! cmp -s "$requirements" .build/python/requirements.txt; then
  python3 -m venv --clear .build/python
  .build/python/bin/pip install --quiet -r "$requirements"
  cp "$requirements" .build/python/requirements.txt
fi
export ZOETROPE_TEST_PYTHON="$PWD/.build/python/bin/python"
Tools/helm.sh
export ZOETROPE_TEST_HELM="$PWD/.build/helm/helm"
swift format lint --strict --recursive Sources Tests Examples Benchmarks Fuzz Package.swift
# One test brings a crowd of ten thousand clients; where it may not, as many as it may.
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt 20000 ]; then
  ulimit -n 20000 2>/dev/null || true
fi
# Release: tests of numbers would take minutes in debug, and the build is the one that serve.sh uses.
# Built apart from being run, since `swift test` by itself would compile everything with other flags.
swift build -c release --build-tests
# Makes the manual; a test installs it.
swift build -c release --product generate-manual
run=(swift test -c release --skip-build --disable-xctest)
if [ $# -gt 0 ]; then exec "${run[@]}" "$@"; fi
# Numbers keep all processors busy, so they have a run of their own: what waits for a server or a client
# would be kept waiting so long that it might be taken for stuck. What loads the whole machine comes last,
# one at a time.
heavy='CrowdTests|BrowserTests|ImageTests|DeployTests|CrashTests|DemonstrationTests'
servers='^(HubTests|ServingTests|VideoServiceTests|ZoetropeTests|PackagingTests)\.'
"${run[@]}" --skip "$heavy" --skip "$servers"
"${run[@]}" --skip "$heavy" --filter "$servers"
"${run[@]}" --filter "$heavy" --no-parallel
