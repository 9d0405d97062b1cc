#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""What rounding feed-forwards' factors to 8 bits, as `--compute float8` does on a GPU, makes of clips.

    float8_error.py Models/demo photo1.jpg photo2.jpg --seeds 1,2 --output table.md

By diffusers on a processor, in float32, whose feed-forward layers are given what Zoetrope's kernels give theirs: the
input and the hidden layer rounded to e4m3 and cut off at 448, weights scaled so that their largest is 448. Sums are exact
here; tensor cores keep fewer digits. Frames are compared as in lossy.py: PSNR over all colours, SSIM of the luma. "widths
that kernels take" leaves layers whose channels are no multiple of 128, nor of 320, as they are.

Needs torch, diffusers, transformers, numpy and Pillow.
"""
import argparse
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import StableVideoDiffusionPipeline
from diffusers.models.attention import FeedForward
from PIL import Image

from lossy import compare, row

LARGEST = 448


def rounded(x):
    return x.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn).to(torch.float32)


class Rounding(torch.nn.Module):
    """A linear layer whose factors are rounded."""

    def __init__(self, linear):
        super().__init__()
        scale = LARGEST / linear.weight.abs().max()
        self.weight = torch.nn.Parameter(rounded(linear.weight * scale) / scale, requires_grad=False)
        self.bias = linear.bias

    def forward(self, x):
        return torch.nn.functional.linear(rounded(x), self.weight, self.bias)


def round_feed_forwards(unet, fits):
    count = 0
    for layer in unet.modules():
        if isinstance(layer, FeedForward) and fits(layer.net[2].out_features):
            layer.net[0].proj, layer.net[2] = Rounding(layer.net[0].proj), Rounding(layer.net[2])
            count += 1
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder in diffusers' layout")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--seeds", default="1", help="with commas between them")
    parser.add_argument("--output", help="the file for the table; standard output if not given")
    arguments = parser.parse_args()
    settings = json.loads(Path(arguments.model, "zoetrope.json").read_text())
    modes = {"exact": None, "all feed-forwards": lambda channels: True,
             "widths that kernels take": lambda channels: channels % 128 == 0 or channels % 320 == 0}
    clips = {mode: {} for mode in modes}
    for mode, fits in modes.items():
        pipe = StableVideoDiffusionPipeline.from_pretrained(arguments.model, torch_dtype=torch.float32)
        pipe.set_progress_bar_config(disable=True)
        if fits:
            print(f"{mode}: {round_feed_forwards(pipe.unet, fits)} layers", file=sys.stderr)
        for picture in arguments.pictures:
            for seed in map(int, arguments.seeds.split(",")):
                image = Image.open(picture).convert("RGB").resize((settings["width"], settings["height"]))
                with torch.no_grad():
                    frames = pipe(
                        image, width=settings["width"], height=settings["height"], output_type="np",
                        num_frames=pipe.unet.config.num_frames, generator=torch.Generator().manual_seed(seed),
                        num_inference_steps=settings["num_inference_steps"],
                        min_guidance_scale=settings["min_guidance_scale"],
                        max_guidance_scale=settings["max_guidance_scale"], fps=settings["fps"],
                        motion_bucket_id=settings.get("motion_bucket_id", 127),
                        noise_aug_strength=settings.get("noise_aug_strength", 0.02)).frames[0]
                clips[mode][picture, seed] = (np.clip(frames, 0, 1) * 255).round().astype(np.uint8)
                print(f"{mode}: {picture}, seed {seed}", file=sys.stderr)
    lines = ["| rounded | PSNR, mean | worst | SSIM, mean | worst |", "| --- | --- | --- | --- | --- |"]
    for mode in list(modes)[1:]:
        pairs = [compare(one, other) for key, clip in clips[mode].items()
                 for one, other in zip(clip, clips["exact"][key])]
        lines.append(row(mode, pairs, []).rsplit("|", 2)[0] + "|")
    text = "\n".join(lines) + "\n"
    if arguments.output:
        Path(arguments.output).write_text(text)
    else:
        print(text)


main()
