# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""For `bentoml serve`: the endpoints of Serving/main.swift."""

from pathlib import Path

import bentoml


@bentoml.service(name="Benchmark")
class Benchmark:
    @bentoml.api
    def add(self, a: int, b: int) -> dict:
        return {"sum": a + b}

    @bentoml.api
    def copy(self, file: Path) -> Path:
        return file
