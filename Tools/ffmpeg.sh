#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# Builds an ffmpeg that can do just what Zoetrope asks of it, from the sources of the ffmpeg that Debian or
# Ubuntu has, patches included, into .build/ffmpeg. Images made by `zoetrope containerize` then have this
# one, which needs four libraries of codecs where the whole one needs two hundred libraries.
set -euo pipefail
cd "$(dirname "$0")/.."

Tools/setup.sh dpkg-dev gcc libc6-dev libvpx-dev libwebp-dev libx264-dev nasm
target=$PWD/.build/ffmpeg
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Lists of sources, which few machines have: beside the system's lists, without root.
mkdir -p "$work"/{parts,lists/partial,cache/archives/partial}
for file in /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
  if [[ -f $file ]]; then sed 's/^Types:.*/Types: deb-src/' "$file" > "$work/parts/${file##*/}"; fi
done
sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > "$work/parts/system.list" 2>/dev/null || true
apt=(apt-get -qq -o "Dir::Etc::SourceList=/dev/null" -o "Dir::Etc::SourceParts=$work/parts"
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o "APT::Sandbox::User=")
"${apt[@]}" update
version=$("${apt[@]}" --print-uris --only-source --dsc-only source ffmpeg | sed -n "s/.*_\(.*\)\.dsc .*/\1/p")
if grep -qs "[ :]$version\$" "$target/source" && [[ $target/ffmpeg -nt Tools/ffmpeg.sh ]]; then exit; fi
echo "building ffmpeg $version" >&2
cd "$work"
"${apt[@]}" --only-source source ffmpeg >/dev/null
cd ffmpeg-*/

options=(
  --disable-everything --disable-autodetect --disable-doc --disable-debug --disable-network
  --disable-ffplay --disable-ffprobe --disable-avdevice --disable-swresample --disable-postproc
  --enable-gpl --enable-pthreads --enable-zlib --enable-libvpx --enable-libwebp --enable-libx264
  --extra-version="${version#*-}"
  # Clips and pictures out.
  --enable-encoder=libx264,libvpx_vp9,gif,libwebp,libwebp_anim,mjpeg,png,ppm
  --enable-muxer=mp4,webm,gif,webp,image2,image2pipe,ffmetadata
  # Frames in: what the engine makes, and clips that are gone on with.
  --enable-decoder=rawvideo,h264,vp9,gif,png
  --enable-demuxer=rawvideo,mov,matroska,gif,image2
  --enable-parser=h264,vp9,gif,png
  --enable-bsf=vp9_superframe,extract_extradata
  --enable-filter=fillborders,format,pad,palettegen,paletteuse,scale,select,split
  --enable-protocol=file,pipe
)
./configure "${options[@]}" >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
make -j "$(nproc)" ffmpeg >"$work/log" 2>&1 || { tail -20 "$work/log" >&2; exit 1; }
mkdir -p "$target"
# What it was built from, and under what terms, goes along with it into images.
cp debian/copyright "$target/copyright"
echo "ffmpeg $(dpkg-parsechangelog -S Version)" > "$target/source"
install -m 755 ffmpeg "$target/ffmpeg"
