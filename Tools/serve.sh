#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and serves on port 3000. Arguments go to `zoetrope serve`;
# ZOETROPE_MODEL names a checkpoint, and without it the demonstration model is served.
exec "$(dirname "$0")/run.sh" serve "$@"
