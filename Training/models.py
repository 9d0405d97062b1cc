# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""The three networks, in diffusers' and transformers' own classes, and quicker stand-ins for training."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

FRAMES = 14
LATENT_CHANNELS = 12
CELL = 8  # pixels to a latent, each way
CONTEXT = 64
SIGMA_MAX = 100.0  # far above a latent's scale of 1, where SVD's own 700 would only add steps

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


def build(small=False):
    """VAE, UNet and CLIP vision model, newly initialised. `small` is for a dry run on a processor."""
    wide = (64, 64, 64, 64) if small else (64, 64, 96, 96)
    channels = (64, 64, 64) if small else (64, 96, 128)
    vae = AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 4,
        block_out_channels=wide,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        sample_size=256,
        scaling_factor=1.0,
    )
    unet = UNetSpatioTemporalConditionModel(
        sample_size=32,
        in_channels=2 * LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("CrossAttnDownBlockSpatioTemporal",) * 2 + ("DownBlockSpatioTemporal",),
        up_block_types=("UpBlockSpatioTemporal",) + ("CrossAttnUpBlockSpatioTemporal",) * 2,
        block_out_channels=channels,
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=96,
        layers_per_block=1,
        cross_attention_dim=CONTEXT,
        num_attention_heads=tuple(c // 32 for c in channels),
        num_frames=FRAMES,
    )
    # The first prediction is then the mean of all, whatever the input.
    nn.init.zeros_(unet.conv_out.weight)
    nn.init.zeros_(unet.conv_out.bias)
    clip = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=128,
            projection_dim=CONTEXT,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=224,
            patch_size=32,
            hidden_act="gelu",
        )
    )
    for parameter in clip.parameters():
        if parameter.dim() >= 2:
            nn.init.normal_(parameter, std=1 / math.sqrt(parameter[0].numel()))
    return vae, unet, clip.eval().requires_grad_(False)


def scheduler():
    """The scheduler of SVD with a lower top: v-prediction, continuous timesteps, Karras' sigmas."""
    return EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        num_train_timesteps=1000,
        prediction_type="v_prediction",
        interpolation_type="linear",
        use_karras_sigmas=True,
        sigma_min=0.002,
        sigma_max=SIGMA_MAX,
        timestep_spacing="leading",
        timestep_type="continuous",
        steps_offset=1,
    )


def image_embeddings(clip, pictures):
    """What the pipeline makes of pictures [n, 3, height, width] from -1 to 1: [n, CONTEXT]."""
    pixels = _resize_with_antialiasing(pictures.float(), (224, 224)) / 2 + 0.5
    mean = torch.tensor(CLIP_MEAN, device=pixels.device).view(1, 3, 1, 1)
    std = torch.tensor(CLIP_STD, device=pixels.device).view(1, 3, 1, 1)
    return clip((pixels - mean) / std).image_embeds


@torch.no_grad()
def whiten(clip, pictures):
    """Sets the frozen random CLIP's last norm and projection so that pictures' embeddings differ, each of scale 1."""
    norm = clip.vision_model.post_layernorm
    norm.weight.fill_(1)
    norm.bias.zero_()
    pixels = _resize_with_antialiasing(pictures.float(), (224, 224))
    features = clip.vision_model(pixel_values=pixels).pooler_output
    spread, mean = features.std(0) + 0.02, features.mean(0)
    norm.weight.copy_(1 / spread)
    norm.bias.copy_(-mean / spread)
    turn, _ = torch.linalg.qr(torch.randn(CONTEXT, CONTEXT))
    clip.visual_projection.weight.copy_(turn.to(clip.visual_projection.weight))


class TemporalConvolution(nn.Conv3d):
    """A (3, 1, 1) convolution as a (3, 1) one over [frames, pixels]: the same numbers, faster kernels."""

    def forward(self, x):
        batch, channels, frames, height, width = x.shape
        y = F.conv2d(x.reshape(batch, channels, frames, height * width), self.weight[..., 0], self.bias, padding=(1, 0))
        return y.view(batch, -1, frames, height, width)


class HalfGroupNorm(nn.GroupNorm):
    """Autocast would store the result in float32; the kernel's sums are float32 anyway."""

    def forward(self, x):
        if torch.compiler.is_compiling():
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return F.group_norm(x, self.num_groups, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)


class HalfLayerNorm(nn.LayerNorm):
    """As HalfGroupNorm."""

    def forward(self, x):
        if torch.compiler.is_compiling():
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            return F.layer_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)


STAND_INS = {nn.Conv3d: TemporalConvolution, nn.GroupNorm: HalfGroupNorm, nn.LayerNorm: HalfLayerNorm}


def quicken(model):
    """Puts the stand-ins in place; the weights stay."""
    for module in model.modules():
        if type(module) in STAND_INS and getattr(module, "kernel_size", (3, 1, 1)) == (3, 1, 1):
            module.__class__ = STAND_INS[type(module)]
    return model


def restore(model):
    """Undoes `quicken`."""
    for module in model.modules():
        for original, stand_in in STAND_INS.items():
            if type(module) is stand_in:
                module.__class__ = original
    return model


def channels_last(model):
    """As `.to(memory_format=torch.channels_last)`, which refuses models that also have 5-D weights."""
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
