#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# Fuzzes the multipart parser for some seconds (300 unless told otherwise): see README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

# The parser is compiled anew, with sanitizers; what it stands on is taken from the build as it is.
build=.build/release
[ -d "$build/NIOCore.build" ] || swift build -c release --product Serving
out=.build/fuzz
mkdir -p "$out/found"
shims=()
for name in _AtomicsShims CNIOAtomics CNIODarwin CNIOFreeBSD CNIOLinux CNIOOpenBSD CNIOPosix CNIOWASI CNIOWindows; do
  map=$(find .build/checkouts -path "*/$name/include/module.modulemap" | head -1)
  [ -n "$map" ] || map="$build/$name.build/module.modulemap"
  [ -f "$map" ] && shims+=(-Xcc "-fmodule-map-file=$map" -Xcc -I -Xcc "$(find .build/checkouts -type d -path "*/$name/include" | head -1)")
done
objects=()
for name in Atomics BitCollections CNIOAtomics CNIODarwin CNIOLinux CNIOPosix CNIOWindows DequeModule \
  InternalCollectionsUtilities NIOConcurrencyHelpers NIOCore _AtomicsShims _NIOBase64 _NIODataStructures; do
  while IFS= read -r object; do objects+=("$object"); done < <(find "$build/$name.build" -name '*.o')
done
swiftc -O -sanitize=fuzzer,address -parse-as-library -swift-version 6 -strict-memory-safety \
  -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
  -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature NonisolatedNonsendingByDefault \
  -module-name FuzzMultipart -package-name zoetrope -I "$build/Modules" "${shims[@]}" \
  Fuzz/*.swift Sources/Serving/Multipart/*.swift Sources/Serving/{JSON,JSONLiterals,ServingError}.swift \
  "${objects[@]}" -o "$out/FuzzMultipart"
"$out/FuzzMultipart" -max_total_time="${1:-300}" -max_len=2048 -dict=Fuzz/multipart.dict \
  -artifact_prefix="$out/" "$out/found" Fuzz/Corpus
