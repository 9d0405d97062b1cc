# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Holds each manifest of a file to Kubernetes' schemas, or KEDA's, and prints its kind and name."""

import sys

import kubernetes_validate
import yaml
from cloudcoil.models.keda.v1alpha1 import ScaledObject


def check(manifest):
    if manifest["kind"] == "ScaledObject":
        read = ScaledObject.model_validate(manifest).model_dump(by_alias=True, exclude_none=True)
        # It passes over names that it does not know.
        assert read == manifest, f"KEDA reads {read} of {manifest}"
    else:
        kubernetes_validate.validate(manifest, "1.31", strict=True)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        for manifest in yaml.safe_load_all(file):
            check(manifest)
            print(manifest["kind"], manifest["metadata"]["name"])
