#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs `zoetrope` with the arguments given.
set -euo pipefail
root=$(dirname "$0")/..

"$root/Tools/setup.sh"
for product in zoetrope zoetrope-picture; do
  swift build --package-path "$root" -c release --product "$product" >&2
done
programs=$(swift build --package-path "$root" -c release --show-bin-path)
exec "$programs/zoetrope" "$@"
