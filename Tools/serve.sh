#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and serves on port 3000. Arguments go to `zoetrope serve`;
# ZOETROPE_MODEL names a checkpoint, and without it the demonstration model is served.
set -euo pipefail
cd "$(dirname "$0")/.."

Tools/setup.sh
swift build -c release --product zoetrope
swift build -c release --product zoetrope-picture
programs=$(swift build -c release --show-bin-path)
exec "$programs/zoetrope" serve "$@"
