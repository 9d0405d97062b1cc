# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Holds each manifest of a file to Kubernetes' schemas, and prints its kind and name."""

import sys

import kubernetes_validate
import yaml

with open(sys.argv[1]) as file:
    for manifest in yaml.safe_load_all(file):
        kubernetes_validate.validate(manifest, "1.31", strict=True)
        print(manifest["kind"], manifest["metadata"]["name"])
