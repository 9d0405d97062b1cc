#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes the "wide" checkpoint that the tables name: random weights, 84 million parameters.

    make_wide_model.py FOLDER

UNet levels of 64, 128, 256 and 256 channels with heads of 32, 14 frames; a VAE as wide. Only times
are measured with it, so torch's own initialisation will do. Needs torch, diffusers, transformers.
"""
import sys

import torch
from diffusers import (AutoencoderKLTemporalDecoder, EulerDiscreteScheduler,
                       StableVideoDiffusionPipeline, UNetSpatioTemporalConditionModel)
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

CHANNELS = (64, 128, 256, 256)


def main(folder):
    torch.manual_seed(0)
    levels = len(CHANNELS)
    unet = UNetSpatioTemporalConditionModel(
        sample_size=32, block_out_channels=CHANNELS, num_attention_heads=(2, 4, 8, 8),
        down_block_types=("CrossAttnDownBlockSpatioTemporal",) * (levels - 1) + ("DownBlockSpatioTemporal",),
        up_block_types=("UpBlockSpatioTemporal",) + ("CrossAttnUpBlockSpatioTemporal",) * (levels - 1),
        cross_attention_dim=64, addition_time_embed_dim=32, projection_class_embeddings_input_dim=96,
        num_frames=14)
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=CHANNELS, layers_per_block=2, sample_size=256,
        down_block_types=("DownEncoderBlock2D",) * levels)
    tower = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=64, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, patch_size=14,
        image_size=224, projection_dim=64, hidden_act="gelu"))
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        timestep_type="continuous", timestep_spacing="leading", steps_offset=1, use_karras_sigmas=True,
        sigma_min=0.002, sigma_max=700.0)
    pipeline = StableVideoDiffusionPipeline(
        vae=vae, image_encoder=tower, unet=unet, scheduler=scheduler, feature_extractor=CLIPImageProcessor())
    pipeline.to(torch.float16).save_pretrained(folder, variant="fp16")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
