# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Has Helm check a chart and fill it in, and compares what it makes with manifests.

usage: check_chart.py HELM CHART MANIFESTS [ARGUMENT OF HELM...]
"""

import subprocess
import sys

import yaml
from check_manifests import check


def read(text):
    """The documents by kind and name, without who says that it manages them."""
    documents = {}
    for document in filter(None, yaml.safe_load_all(text)):
        del document["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        documents[document["kind"], document["metadata"]["name"]] = document
    return documents


helm, chart, manifests, *arguments = sys.argv[1:]
subprocess.run([helm, "lint", "--strict", "--quiet", chart, *arguments], check=True)
made = subprocess.run(
    [helm, "template", "lake-video", chart, "--namespace", "video", *arguments],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
).stdout
made = read(made)
with open(manifests) as file:
    expected = read(file)
for document in expected.values():
    # Helm puts what it makes into the namespace that it is told.
    document["metadata"].pop("namespace", None)
for document in made.values():
    check(document)
assert made.keys() == expected.keys(), f"{sorted(made)} rather than {sorted(expected)}"
for key, document in expected.items():
    assert made[key] == document, f"{key}:\n{yaml.dump(made[key])}rather than\n{yaml.dump(document)}"
print(len(made))
