#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes Tests/Fixtures/animatelcm: what diffusers' pipeline makes of the tiny checkpoint with the sampler of
AnimateLCM-SVD, written down here as its differences from diffusers' sampler for consistency models.

  python make_animatelcm.py ../Fixtures/tiny/model ../Fixtures/animatelcm
"""
import os
import sys

import numpy as np
import torch
from diffusers import CMStochasticIterativeScheduler, StableVideoDiffusionPipeline
from diffusers.schedulers.scheduling_consistency_models import CMStochasticIterativeSchedulerOutput
from PIL import Image
from safetensors.torch import save_file

SETTINGS = {
    "num_train_timesteps": 40, "sigma_min": 0.002, "sigma_max": 700.0, "sigma_data": 1.0, "s_noise": 1.0,
    "rho": 7.0, "clip_denoised": False,
}


class AnimateLCM(CMStochasticIterativeScheduler):
    def sigma_to_t(self, sigmas):
        self.init_noise_sigma = (self.config.sigma_max**2 + 1) ** 0.5
        return 0.25 * np.log(np.asarray(sigmas, dtype=np.float64) + 1e-44)

    def set_timesteps(self, *arguments, **named):
        super().set_timesteps(*arguments, **named)
        self.sigmas[-1] = 0

    def step(self, model_output, timestep, sample, generator=None, return_dict=True):
        if self.step_index is None:
            self._init_step_index(timestep)
        sigma, after = self.sigmas[self.step_index], self.sigmas[self.step_index + 1]
        data = self.config.sigma_data
        skip = data**2 / (sigma**2 + data**2)
        out = -sigma * data / (sigma**2 + data**2) ** 0.5
        clean = out * model_output + skip * sample
        noise = torch.zeros_like(clean)
        if len(self.timesteps) > 1:
            noise = torch.randn(clean.shape, dtype=clean.dtype)
        self._step_index += 1
        return CMStochasticIterativeSchedulerOutput(clean + noise * self.config.s_noise * after)


def main(model, folder):
    tensors = {}
    scheduler = AnimateLCM(**SETTINGS)
    for steps in [1, 2, 3, 4, 6, 8, 40]:
        scheduler.set_timesteps(steps)
        tensors[f"sigmas.{steps}"] = scheduler.sigmas.float()
        tensors[f"timesteps.{steps}"] = scheduler.timesteps.float()

    pipe = StableVideoDiffusionPipeline.from_pretrained(
        model, variant="fp16", torch_dtype=torch.float32, scheduler=scheduler
    )
    y, x = np.mgrid[0:32, 0:48]
    pixels = np.stack([x * 5, y * 7, (x * y) % 256], -1).astype(np.uint8)
    tensors["picture"] = torch.from_numpy(pixels)
    for name, steps, low, high in [("four", 4, 1.0, 1.0), ("guided", 2, 1.0, 1.5), ("one", 1, 1.0, 1.0)]:
        made = []
        pipe(
            Image.fromarray(pixels), height=32, width=48, num_frames=3, num_inference_steps=steps,
            min_guidance_scale=low, max_guidance_scale=high, generator=torch.manual_seed(7), output_type="latent",
            callback_on_step_end=lambda _, i, t, kept: made.append(kept["latents"].clone()) or kept,
        )
        tensors[name] = torch.stack(made).permute(0, 1, 2, 4, 5, 3)
    os.makedirs(folder, exist_ok=True)
    save_file({n: t.contiguous() for n, t in tensors.items()}, folder + "/golden.safetensors")


main(*sys.argv[1:])
