#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes Reference/coffee.safetensors: what diffusers 0.42.1 makes of the demonstration checkpoint.

    pip install torch diffusers==0.42.1 transformers safetensors pillow
    python Tests/DemonstrationTests/make_reference.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import StableVideoDiffusionPipeline
from PIL import Image
from safetensors.torch import save_file

here = Path(__file__).parent
folder = here.parent.parent / "Models" / "demo"
settings = json.loads((folder / "zoetrope.json").read_text())
size = settings["width"], settings["height"]
picture = Image.open(here / "Pictures" / "coffee.jpg").convert("RGB").resize(size)

pipeline = StableVideoDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
kept = {}


def keep(pipe, step, timestep, values):
    kept["latents"] = values["latents"][0].clone()
    return values


made = pipeline(
    picture, generator=torch.Generator("cpu").manual_seed(42), output_type="np",
    callback_on_step_end=keep, decode_chunk_size=pipeline.unet.config.num_frames, **settings,
).frames[0]
frames = torch.from_numpy(np.round(made[[0, 6, 13]] * 255).astype(np.uint8)).contiguous()
(here / "Reference").mkdir(exist_ok=True)
save_file(
    {"picture": torch.from_numpy(np.array(picture)), "latents": kept["latents"].contiguous(), "frames": frames},
    here / "Reference" / "coffee.safetensors",
)
