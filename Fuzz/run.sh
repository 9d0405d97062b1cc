#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# run.sh Multipart|JSON [SECONDS]: fuzzes a parser, for 300 seconds unless told otherwise: see README.md.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?Multipart or JSON}
case $name in
  Multipart) sources=(Sources/Serving/Multipart/*.swift Sources/Serving/{JSON,JSONReader,JSONLiterals,ServingError}.swift) ;;
  JSON) sources=(Sources/Serving/{JSON,JSONReader}.swift) ;;
  *) echo "there is no fuzzer $name" >&2; exit 2 ;;
esac

# The parser is compiled anew, with sanitizers; what it stands on is taken from the build as it is.
build=.build/release
[ -d "$build/NIOCore.build" ] || swift build -c release --product Serving
out=.build/fuzz/$name
mkdir -p "$out/found"
shims=()
for shim in _AtomicsShims CNIOAtomics CNIODarwin CNIOFreeBSD CNIOLinux CNIOOpenBSD CNIOPosix CNIOWASI CNIOWindows; do
  map=$(find .build/checkouts -path "*/$shim/include/module.modulemap" | head -1)
  [ -n "$map" ] || map="$build/$shim.build/module.modulemap"
  [ -f "$map" ] && shims+=(-Xcc "-fmodule-map-file=$map" -Xcc -I -Xcc "$(find .build/checkouts -type d -path "*/$shim/include" | head -1)")
done
objects=()
for module in Atomics BitCollections CNIOAtomics CNIODarwin CNIOLinux CNIOPosix CNIOWindows DequeModule \
  InternalCollectionsUtilities NIOConcurrencyHelpers NIOCore _AtomicsShims _NIOBase64 _NIODataStructures; do
  while IFS= read -r object; do objects+=("$object"); done < <(find "$build/$module.build" -name '*.o')
done
swiftc -O -sanitize=fuzzer,address -parse-as-library -swift-version 6 -strict-memory-safety \
  -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
  -enable-upcoming-feature MemberImportVisibility -enable-upcoming-feature NonisolatedNonsendingByDefault \
  -module-name "Fuzz$name" -package-name zoetrope -I "$build/Modules" "${shims[@]}" \
  "Fuzz/$name"/*.swift "${sources[@]}" "${objects[@]}" -o "$out/fuzz"
"$out/fuzz" -max_total_time="${2:-300}" -max_len=2048 -dict="Fuzz/$name/tokens.dict" \
  -artifact_prefix="$out/" "$out/found" "Fuzz/$name/Corpus"
