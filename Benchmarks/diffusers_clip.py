#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""What diffusers takes for a whole clip with SVD-XT, on a GPU: weights by formula, in a real checkpoint's layout.

    python Benchmarks/diffusers_clip.py --checkpoint DIR --out FILE.json [--modes eager compiled] [--clips N]

Makes the checkpoint if DIR is not there (4.6 GB of float16, variant fp16). Then the pipeline as a tutorial has
it: from_pretrained, `pipe(image, decode_chunk_size=2)`, 25 frames of 1024 x 576, 25 steps. Writes the seconds of
every stage, the most memory held, and the frames of the last clip beside FILE.json, as FILE.npy.
"""

import time

STARTED = time.perf_counter()

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from full_size_reference import configurations, fill

SEED = 1001


def make_checkpoint(folder, device):
    from diffusers import (AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, StableVideoDiffusionPipeline,
                           UNetSpatioTemporalConditionModel)
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    unet, vae = configurations(False, 25)
    tower = CLIPVisionConfig(hidden_act="gelu", hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
                             num_attention_heads=16, patch_size=14, image_size=224, projection_dim=1024)
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
        prediction_type="v_prediction", timestep_type="continuous", timestep_spacing="leading", steps_offset=1,
        interpolation_type="linear", use_karras_sigmas=True, sigma_min=0.002, sigma_max=700.0)
    with torch.device(device):
        models = dict(unet=UNetSpatioTemporalConditionModel(**unet), vae=AutoencoderKLTemporalDecoder(**vae),
                      image_encoder=CLIPVisionModelWithProjection(tower))
    for name, model in models.items():
        fill(model.to(device), name, SEED, device).half()
    StableVideoDiffusionPipeline(scheduler=scheduler, feature_extractor=CLIPImageProcessor(), **models).save_pretrained(
        folder, variant="fp16")


def picture(width, height):
    """Ramps and a checkerboard, as `zoetrope bench` has them."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    board = np.where((x // 16 + y // 16) % 2 == 0, 40, 200)
    pixels = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), board], -1)
    return Image.fromarray(pixels.astype(np.uint8))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--modes", nargs="+", default=["eager"], choices=["eager", "compiled"])
    parser.add_argument("--clips", type=int, default=1, help="how many are measured, after one step that is not")
    parser.add_argument("--steps", type=int, default=25)
    options = parser.parse_args()
    if not Path(options.checkpoint, "model_index.json").exists():
        make_checkpoint(options.checkpoint, "cuda")
        torch.cuda.empty_cache()
        print(f"checkpoint made after {time.perf_counter() - STARTED:.1f} s", flush=True)
    from diffusers import StableVideoDiffusionPipeline

    start = time.perf_counter()
    pipe = StableVideoDiffusionPipeline.from_pretrained(options.checkpoint, torch_dtype=torch.float16, variant="fp16")
    pipe.to("cuda")
    pipe.set_progress_bar_config(disable=True)
    torch.cuda.synchronize()
    told = dict(device=torch.cuda.get_device_name(), torch=torch.__version__, cudnn=torch.backends.cudnn.version(),
                load=time.perf_counter() - start, modes={})
    image = picture(1024, 576)
    for mode in options.modes:
        if mode == "compiled":
            pipe.unet.to(memory_format=torch.preserve_format)
            for model in (pipe.unet, pipe.vae):
                for parameter in model.parameters():
                    if parameter.dim() == 4:
                        parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
            pipe.unet = torch.compile(pipe.unet, dynamic=False)
            pipe.vae.decode = torch.compile(pipe.vae.decode, dynamic=False)
        torch.cuda.reset_peak_memory_stats()

        def clip(steps):
            marks = []

            def mark(pipe, step, timestep, values):
                torch.cuda.synchronize()
                marks.append(time.perf_counter())
                return values

            began = time.perf_counter()
            frames = pipe(image, num_inference_steps=steps, decode_chunk_size=2, output_type="np",
                          generator=torch.manual_seed(42), callback_on_step_end=mark).frames[0]
            torch.cuda.synchronize()
            end = time.perf_counter()
            times = np.diff(marks)
            return frames, dict(all=end - began, first=marks[0] - began, decode=end - marks[-1],
                                step=float(np.median(times)) if len(times) else None)

        warm = clip(1)[1]
        clips = []
        for _ in range(options.clips):
            frames, times = clip(options.steps)
            clips.append(times)
        told["modes"][mode] = dict(warming_up=warm, clips=clips, peak_bytes=torch.cuda.max_memory_allocated(),
                                   reserved_bytes=torch.cuda.max_memory_reserved())
        print(mode, json.dumps(told["modes"][mode]), flush=True)
        Path(options.out).write_text(json.dumps(told, indent=2))
        if mode == "eager":
            np.save(Path(options.out).with_suffix(".npy"), (frames * 255).round().astype(np.uint8))


if __name__ == "__main__":
    main()
