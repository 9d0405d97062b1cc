#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Kills `zoetrope pull` twenty times, or as often as told, while it fetches 100 MB from a pretended Hub:
# in the end every file is right, and no byte that was on the disk was fetched again.
set -euo pipefail
cd "$(dirname "$0")/.."
export ZOETROPE_KILLS=${1:-20}
exec swift test -c release --skip-build --disable-xctest --filter 'HubTests.*killed'
