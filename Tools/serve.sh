#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, finds or makes a model, and serves it on port 3000. Arguments go
# to `zoetrope serve`; ZOETROPE_MODEL names a checkpoint folder.
set -euo pipefail
cd "$(dirname "$0")/.."

Tools/setup.sh
swift build -c release --product zoetrope
swift build -c release --product zoetrope-picture
programs=$(swift build -c release --show-bin-path)

if [[ -z ${ZOETROPE_MODEL:-} ]]; then
  export ZOETROPE_MODEL="${XDG_DATA_HOME:-$HOME/.local/share}/zoetrope/models/tiny"
  if [[ ! -e $ZOETROPE_MODEL/model_index.json ]]; then
    "$programs/zoetrope" model init --tiny "$ZOETROPE_MODEL"
  fi
  echo "ZOETROPE_MODEL is not set: serving a tiny model with random weights, whose clips are noise" >&2
fi
exec "$programs/zoetrope" serve "$@"
