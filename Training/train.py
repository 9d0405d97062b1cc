#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Trains the demonstration checkpoint from scratch, or goes on from where a run stopped. See README.md.

Under torchrun every GPU gets a process of its own; gradients are shared.
"""

import argparse
import math
import os
import time
from pathlib import Path

STARTED = time.monotonic()
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import torch.distributed as distributed
from PIL import Image

import autoencoder
import checkpoint
import diffusion
from clips import ClipMaker
from models import CELL, FRAMES, build, image_embeddings, quicken, restore, whiten
from pictures import PictureBank, held_out

SAMPLE = (256, 192)  # width, height


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", required=True, help="the folder of the pictures that pictures.tsv lists")
    parser.add_argument("--out", required=True, help="where the checkpoint, the state and a log go")
    parser.add_argument("--resume", help="the --out of the run to go on from")
    parser.add_argument("--seconds", type=float, default=540, help="for everything, from start to exit")
    parser.add_argument("--reserve", type=float, default=30, help="of these, kept for samples and writing")
    parser.add_argument("--stages", default="vae=0.5@0:1,unet=0.5@0:1",
                        help="NAME=SHARE@BEGIN:END,...: vae, decoder or unet, the share of the time, and which part of that model's whole course it is")
    parser.add_argument("--mix", type=int, default=1, help="whether the UNet also sees other sizes than the sample's")
    parser.add_argument("--reach", type=float, default=0.13, help="RMS displacement at bucket 127; half the shorter side is 1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dry", action="store_true", help="tiny models and batches: does it run at all?")
    return parser.parse_args()


def bytes_of(frames):
    """[n, 3, height, width] of -1 to 1 as uint8 [n, height, width, 3]."""
    return ((frames.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def tensors_of(images, device):
    pixels = np.stack([np.asarray(image) for image in images])
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


@torch.no_grad()
def sample(vae, unet, clip_model, images, out, log, steps=12, buckets=(127, 220)):
    """Runs diffusers' pipeline on held-out pictures; writes a sheet of input and frames 1, 4, 8, 11, 14."""
    pipe = checkpoint.pipeline(restore(vae), restore(unet), clip_model)
    pipe.set_progress_bar_config(disable=True)
    rows = []
    for bucket in buckets:
        for number, image in enumerate(images):
            frames = pipe(
                image, height=image.height, width=image.width, num_frames=FRAMES, num_inference_steps=steps,
                motion_bucket_id=bucket, max_guidance_scale=1.0, decode_chunk_size=FRAMES,
                generator=torch.Generator("cpu").manual_seed(number),
            ).frames[0]
            pixels = [np.asarray(f, np.float32) for f in [image] + frames]
            psnr = 10 * math.log10(255**2 / np.square(pixels[0] - pixels[1]).mean())
            change = np.mean([np.abs(a - b).mean() for a, b in zip(pixels[1:], pixels[2:])])
            log(f"sample {number} bucket {bucket}: first frame {psnr:.2f} dB, change a frame {change:.2f}")
            rows.append(np.concatenate([pixels[i] for i in (0, 1, 4, 8, 11, 14)], 1))
    Image.fromarray(np.concatenate(rows).astype(np.uint8)).save(Path(out, "samples.png"))


def main():
    options = arguments()
    several = "RANK" in os.environ
    rank = int(os.environ.get("LOCAL_RANK", 0))
    device = torch.device("cuda", rank) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True
    if several:
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    leads = rank == 0
    Path(options.out).mkdir(parents=True, exist_ok=True)

    def log(line):
        if leads:
            line = f"[{time.monotonic() - STARTED:6.1f} s] {line}"
            print(line, flush=True)
            with open(Path(options.out, "log.txt"), "a") as file:
                file.write(line + "\n")

    log(f"torch {torch.__version__}, {torch.cuda.get_device_name() if device.type == 'cuda' else 'processor'}, "
        f"{distributed.get_world_size() if several else 1} processes, {vars(options)}")
    torch.manual_seed(options.seed)
    vae, unet, clip_model = build(options.dry)
    state = checkpoint.unpack(options.resume, vae, unet, clip_model) if options.resume else {"steps": {"vae": 0, "decoder": 0, "unet": 0}}
    for model in (vae, unet, clip_model):
        model.to(device)
    count = lambda model: sum(p.numel() for p in model.parameters()) / 1e6
    log(f"{count(vae):.2f} M parameters in the VAE, {count(unet):.2f} M in the UNet, {count(clip_model):.2f} M in CLIP, "
        f"{2 * (count(vae) + count(unet) + count(clip_model)):.1f} MB")
    torch.manual_seed(1000 * (1 + sum(state["steps"].values())) + options.seed + rank)
    bank = PictureBank(options.photos, device, 4 if options.dry else 160, torch.Generator().manual_seed(7 + rank), 3 if options.dry else None)
    clips = ClipMaker(bank, FRAMES, options.reach)
    log(f"{bank.photographs} squares of photographs and {bank.painted} painted ones")
    if not options.resume:
        whiten(clip_model, torch.cat([clips.make(16, 224, 224, 1)[0][:, 0] for _ in range(1 if options.dry else 8)]))
        if several:
            for model in (vae, unet, clip_model):
                for tensor in model.state_dict().values():
                    distributed.broadcast(tensor, 0)
    images = held_out(options.photos, SAMPLE)

    def report():
        restore(vae)
        pictures = tensors_of(images, device)
        psnr, made = autoencoder.held_out_psnr(vae, pictures)
        log(f"VAE on held-out pictures: {' '.join(f'{v:.2f}' for v in psnr)}, mean {np.mean(psnr):.2f} dB")
        both = np.concatenate([np.concatenate(list(bytes_of(p)), 1) for p in (pictures, torch.stack(made))])
        if leads:
            Image.fromarray(both).save(Path(options.out, "vae.png"))

    raw = state.get("raw_unet")
    stages = [(name, float(share.split("@")[0]), tuple(float(v) for v in share.split("@")[1].split(":")))
              for name, share in (stage.split("=") for stage in options.stages.split(","))]
    left = options.seconds - options.reserve - (time.monotonic() - STARTED)
    small = dict(pixels=2 * 7 * 64 * 64, shapes=[(64, 64, 7), (64, 64, 1)]) if options.dry else {}
    for name, share, span in stages:
        until_end = options.seconds - options.reserve - (time.monotonic() - STARTED)
        seconds = max(2.0, min(left * share / sum(s for _, s, _ in stages), until_end))
        log(f"{name} for {seconds:.0f} s")
        if name in ("vae", "decoder"):
            steps = autoencoder.train(vae, clips, seconds, span, device, log, decoder_only=name == "decoder", **small)
            if name == "vae":
                state["scaling_factor"] = autoencoder.scaling_factor(vae, clips, device, 2 if options.dry else 16)
                if several:  # all processes scale alike
                    shared = torch.tensor([state["scaling_factor"]], device=device)
                    distributed.broadcast(shared, 0)
                    state["scaling_factor"] = shared.item()
                vae.register_to_config(scaling_factor=state["scaling_factor"])
            report()
        else:
            averaged = None
            if raw is not None:
                averaged = {k: v.detach().clone() for k, v in unet.state_dict().items()}
                unet.load_state_dict({k: v.float() for k, v in raw.items()})
            sizes = [(SAMPLE[1], SAMPLE[0])]
            if options.mix:
                sizes = sizes * 3 + [(256, 192)] + sizes * 3 + [(256, 256)] + sizes * 3 + [(160, 288)]
            tiny = dict(batch=2, capacity=8, first=4) if options.dry else {}
            if options.dry:
                sizes = [(64, 64)]
            raw, steps = diffusion.train(unet, vae, clip_model, clips, sizes, seconds, span, device, log,
                                         averaged=averaged, steps_before=state["steps"]["unet"], **tiny)
        state["steps"][name] += steps
        log(f"{name}: {steps} steps")
        if leads:  # after every stage: what comes next may not end in time
            if raw is not None:
                state["raw_unet"] = {k: v.half().cpu() for k, v in raw.items()}
            checkpoint.pack(options.out, vae, unet, clip_model, state)
            log(f"written: {({p.name: p.stat().st_size for p in sorted(Path(options.out).iterdir())})}")
    if leads:
        if raw is not None:
            sample(vae, unet, clip_model, images[:1] if options.dry else images, options.out, log, 2 if options.dry else 12)
    if several:
        distributed.barrier()
        distributed.destroy_process_group()
    log("done")


if __name__ == "__main__":
    main()
