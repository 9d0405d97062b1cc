#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""What diffusers makes of one UNet step and the VAE's decoding, at full size, with weights by formula.

    python Benchmarks/full_size_reference.py --out DIR            # SVD-XT, 25 frames of 1024 x 576, on a GPU
    python Benchmarks/full_size_reference.py --out DIR --tiny     # seconds, on a processor
    zoetrope-gpu-check --suites reference --reference DIR

Writes the inputs and the results in float32 (TensorFloat-32 off), how far diffusers' own float16 is from
them, what it takes, and the configurations. The weights are those of `FormulaWeights`: no checkpoint is needed.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from safetensors.torch import save_file

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def mixed(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def stream(name, seed):
    """FNV-1a of the name, mixed with the seed."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return mixed(value ^ (seed * GOLDEN & MASK))


def uniform(key, count, mean, deviation, device):
    """The upper 24 bits of splitmix64's outputs, as uniform numbers of a mean and a standard deviation."""
    signed = lambda v: v - (1 << 64) if v >> 63 else v
    shifted = lambda x, bits: (x >> bits) & ((1 << (64 - bits)) - 1)
    parts = []
    for start in range(0, count, 1 << 25):
        z = torch.arange(start + 1, min(count, start + (1 << 25)) + 1, dtype=torch.int64, device=device)
        z = z * signed(GOLDEN) + signed(key)
        z = (z ^ shifted(z, 30)) * signed(0xBF58476D1CE4E5B9)
        z = (z ^ shifted(z, 27)) * signed(0x94D049BB133111EB)
        unit = shifted(z ^ shifted(z, 31), 40).double() * 2.0**-24
        parts.append(((unit * 2 - 1) * (math.sqrt(3) * deviation) + mean).float())
    return torch.cat(parts)


def distribution(name, shape):
    """Mean and standard deviation of a parameter, as FormulaWeights has them."""
    if name.endswith("mix_factor"):
        return 0, 0.6
    if len(shape) == 1:
        return (1, 0.1) if name.endswith("weight") else (0, 0.05)
    gains = [
        (("to_q.", "to_k."), 1.5), (("time_conv_out",), 0.4), ((".net.2.",), 1.5), ((".conv1.", ".conv2."), 1.4),
        (("decoder.conv_out",), 0.7), (("quant_conv",), 2), (("conv_out",), 1.6),
        (("embedding.linear_1", "embedding.linear_2", "embed.linear_1", "embed.linear_2"), 1.4),
    ]
    gain = next((gain for parts, gain in gains if any(part in name for part in parts)), 1)
    return 0, gain / math.sqrt(math.prod(shape[1:]))


@torch.no_grad()
def fill(model, component, seed, device):
    for name, tensor in model.state_dict().items():
        full = f"{component}/{name}"
        values = uniform(stream(full, seed), tensor.numel(), *distribution(full, tensor.shape), device)
        values = values.reshape(tensor.shape)
        if name.endswith("time_conv_out.weight"):
            for channel in range(values.shape[0]):
                values[channel, channel, 1, 0, 0] += 1
        tensor.copy_(values.half())
    return model.eval()


def configurations(tiny, frames):
    blocks = 2 if tiny else 3
    widths = (64, 64, 128) if tiny else (320, 640, 1280, 1280)
    unet = dict(
        sample_size=96, in_channels=8, out_channels=4,
        down_block_types=["CrossAttnDownBlockSpatioTemporal"] * blocks + ["DownBlockSpatioTemporal"],
        up_block_types=["UpBlockSpatioTemporal"] + ["CrossAttnUpBlockSpatioTemporal"] * blocks,
        block_out_channels=widths, addition_time_embed_dim=16 if tiny else 256,
        projection_class_embeddings_input_dim=48 if tiny else 768, layers_per_block=1 if tiny else 2,
        cross_attention_dim=32 if tiny else 1024, num_attention_heads=[w // 64 for w in widths], num_frames=frames,
    )
    vae = dict(
        in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 4,
        block_out_channels=(32, 32, 64, 64) if tiny else (128, 256, 512, 512), layers_per_block=2, latent_channels=4,
        scaling_factor=0.18215, force_upcast=True,
    )
    return unet, vae


def measured(work, device, repeats):
    result = work()
    if device == "cpu":
        return result, None
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    torch.cuda.synchronize()
    return result, (time.perf_counter() - start) / repeats


def error(actual, expected):
    """The root-mean-square difference over the expected values' standard deviation, as the check has it."""
    return float((actual.double() - expected.double()).square().mean().sqrt() / expected.double().std())


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--chunk", type=int, default=2)
    options = parser.parse_args()
    out, device = Path(options.out), options.device
    out.mkdir(parents=True, exist_ok=True)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    seed, frames, height, width = (1001, 3, 8, 16) if options.tiny else (1001, 25, 72, 128)
    unet_configuration, vae_configuration = configurations(options.tiny, frames)
    clip_configuration = dict(
        hidden_act="gelu", hidden_size=32, intermediate_size=64, image_size=224, num_attention_heads=2, num_hidden_layers=1,
        patch_size=32, projection_dim=unet_configuration["cross_attention_dim"],
    )  # not compared: a small one, so that the model has all its parts
    for name, values in (("unet", unet_configuration), ("vae", vae_configuration), ("image_encoder", clip_configuration)):
        (out / name).mkdir(exist_ok=True)
        (out / name / "config.json").write_text(json.dumps(values, indent=2))

    draw = lambda name, *shape: uniform(stream("input/" + name, seed), math.prod(shape), 0, 1, device).reshape(shape)
    sigma = 3.7
    timestep = torch.tensor(0.25 * math.log(sigma), device=device)
    sample, image = draw("sample", 1, frames, 4, height, width), 5 * draw("image", 1, 4, height, width)
    context = draw("context", 1, 1, unet_configuration["cross_attention_dim"])
    ids = torch.tensor([[6.0, 127.0, 0.02]] * 2, device=device)
    latents = draw("latents", frames, 4, height, width)
    halves = lambda x: torch.cat([torch.zeros_like(x), x])

    told = dict(seed=seed, timestep=float(timestep), ids=ids[0].tolist(), chunk=options.chunk, torch=torch.__version__,
                device=torch.cuda.get_device_name() if device != "cpu" else "processor")
    kept = dict(sample=sample, image=image, context=context, latents=latents)

    def predict(unet, kind):
        given = torch.cat([torch.cat([sample] * 2), halves(image)[:, None].expand(-1, frames, -1, -1, -1)], 2)
        return lambda: unet(given.to(kind), timestep, halves(context).to(kind), ids.to(kind), return_dict=False)[0]

    def decode(vae, kind):
        z = (latents / vae_configuration["scaling_factor"]).to(kind)
        def work():
            parts = [vae.decode(part, num_frames=len(part)).sample for part in z.split(options.chunk)]
            return (torch.cat(parts).float() / 2 + 0.5).clamp(0, 1)
        return work

    for name, make, run, repeats in (
        ("velocity", lambda: fill(UNetSpatioTemporalConditionModel(**unet_configuration), "unet", seed, device), predict, 3),
        ("frames", lambda: fill(AutoencoderKLTemporalDecoder(**vae_configuration), "vae", seed, device), decode, 1),
    ):
        with torch.device(device):
            model = make().to(device)  # mix factors are made on the processor whatever the default device
        kept[name] = run(model, torch.float32)().float()
        model.half()
        half, seconds = measured(run(model, torch.float16), device, repeats)
        told[name] = dict(float16_error=error(half.float(), kept[name]), float16_seconds=seconds)
        print(name, told[name], f"mean {kept[name].mean():.4f}, deviation {kept[name].std():.4f}", flush=True)
        del model, half
    save_file({k: v.float().cpu().contiguous() for k, v in kept.items()}, out / "reference.safetensors")
    (out / "reference.json").write_text(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
