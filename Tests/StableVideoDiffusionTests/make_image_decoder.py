#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes Tests/Fixtures/image-decoder: what diffusers' AutoencoderKL makes of latents and of a picture,
with weights by the formula of FormulaWeights.swift.

  python make_image_decoder.py ../Fixtures/image-decoder
"""
import math
import os
import sys

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

SEED = 1003
GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mix(z):
    z = np.uint64(z) if np.isscalar(z) else z
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def deviation(name, shape):
    gain = 1.0
    if "to_q." in name or "to_k." in name:
        gain = 1.5
    elif ".conv1." in name or ".conv2." in name:
        gain = 1.4
    elif "conv_out" in name and "decoder" in name:
        gain = 0.7
    elif "quant_conv" in name:
        gain = 2.0
    elif "conv_out" in name:
        gain = 1.6
    return gain / math.sqrt(math.prod(shape[1:]))


def weights(name, shape):
    name = "vae/" + name
    mean, width = 0.0, 0.05
    if len(shape) > 1:
        width = deviation(name, shape)
    elif name.endswith("weight"):
        mean, width = 1.0, 0.1
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001B3) & MASK
    key = int(mix(key ^ (SEED * GOLDEN & MASK)))
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(key)
    unit = (mix(z) >> np.uint64(40)).astype(np.float64) * 2.0**-24
    values = (unit * 2 - 1) * (math.sqrt(3) * width) + mean
    return torch.from_numpy(values.astype(np.float32).astype(np.float16)).float().reshape(shape)


def main(folder):
    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=(32, 64), down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, layers_per_block=1, latent_channels=4,
    ).eval()
    vae.load_state_dict({n: weights(n, tuple(p.shape)) for n, p in vae.state_dict().items()})
    latents = torch.randn(3, 4, 6, 5)
    picture = torch.rand(1, 3, 12, 10) * 2 - 1
    with torch.no_grad():
        tensors = {
            "latents": latents, "frames": vae.decode(latents).sample,
            "picture": picture, "mean": vae.encode(picture).latent_dist.mode(),
        }
    os.makedirs(folder, exist_ok=True)
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder + "/golden.safetensors")
    vae.save_config(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
