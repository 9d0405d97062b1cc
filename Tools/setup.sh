#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what Zoetrope needs from Debian's or Ubuntu's packages, if it is not there yet; asks for
# root only then. Arguments are further packages.
set -euo pipefail

packages=(libdnnl-dev libsqlite3-dev libvips-dev zlib1g-dev ffmpeg pkg-config "$@")
missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "installing ${missing[*]}" >&2
  root=()
  if ((EUID != 0)); then root=(sudo); fi
  "${root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
fi
if ! command -v swift >/dev/null; then
  echo "Swift 6.2 or later is needed; see https://www.swift.org/install/linux/" >&2
  exit 1
fi
