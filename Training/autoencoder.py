# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Trains the VAE: encoder and temporal decoder together, or the decoder alone on frozen latents."""

import math

import torch
import torch.nn.functional as F

from clips import moved
from models import CELL, channels_last, quicken
from optimization import Average, Course, Muon, broadcast

# Height, width, frames. The first is compiled and trained on most.
SHAPES = [(128, 128, 7), (192, 256, 14), (256, 192, 5), (192, 256, 1)]
TURNS = [0, 0, 1, 0, 0, 2, 0, 0, 3]


def halved(x):
    return F.avg_pool2d(x, 2)


def pyramid(x, depth=3):
    """A Laplacian pyramid, finest band first, what remains last."""
    bands = []
    for _ in range(depth):
        small = halved(x)
        bands.append(x - F.interpolate(small, scale_factor=2, mode="bilinear"))
        x = small
    return bands + [x]


def dissimilarity(x, y):
    """1 - SSIM (Wang et al. 2004) of pictures from 0 to 1, over windows of 7 pixels."""
    mean = lambda v: F.avg_pool2d(v, 7, 2)
    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return (1 - (2 * mx * my + 4e-4) * (2 * both + 36e-4) / ((mx * mx + my * my + 4e-4) * (vx + vy + 36e-4))).mean()


def energy(band):
    return (F.avg_pool2d(band * band, 8, 4) + 1e-4).sqrt()


def luma_and_chroma(x):
    """The difference in brightness, and in two colours: the eye and the loss weigh them apart."""
    y = 0.299 * x[:, :1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:]
    return torch.cat([y, 0.8 * (x[:, 2:] - y), 0.8 * (x[:, :1] - y)], 1)


def reconstruction_loss(decoded, clip, mask):
    """Absolute error at several scales, SSIM, local contrast, and change from frame to frame."""
    count, frames = clip.shape[:2]
    x, y, m = clip.flatten(0, 1), decoded, mask.flatten(0, 1)
    error = luma_and_chroma((y - x) * m)
    bands = pyramid(error)
    loss = error.abs().mean() + 0.5 * (2 * bands[0].abs().mean() + bands[1].abs().mean() + bands[2].abs().mean())
    bands_x, bands_y = pyramid(x * m), pyramid(y * m)
    contrast = sum((energy(a) - energy(b)).abs().mean() for a, b in zip(bands_x[:2], bands_y[:2]))
    gray = lambda v: (v * m).mean(1, keepdim=True) * 0.5 + 0.5
    similar = dissimilarity(gray(y), gray(x)) + 0.5 * dissimilarity(halved(gray(y)), halved(gray(x)))
    loss = loss + 0.15 * contrast + 0.25 * similar
    if frames > 1:
        change = ((y - x) * m).view_as(clip).diff(dim=1)
        loss = loss + 0.3 * change.abs().mean()
    return loss, error.detach()[:, :1].square().mean(), ((y - x).detach() * m).square().mean()


def train(vae, clips, seconds, span, device, log, decoder_only=False, pixels=60 * 128 * 128, peak=2.5e-3, compiled=True, shapes=SHAPES):
    """Trains for some seconds and leaves the averaged weights in `vae`. Returns the steps taken."""
    cuda = device.type == "cuda"
    vae.train().requires_grad_(True)
    if vae.config.layers_per_block == 1:  # diffusers' decoder then has an attention that it never runs
        vae.decoder.mid_block.attentions.requires_grad_(False)
    if decoder_only:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    quicken(vae)
    broadcast(vae)
    if cuda:
        channels_last(vae)
    parameters = [p for p in vae.parameters() if p.requires_grad]
    optimizer, average, course = Muon(vae, 1e-4), Average(vae), Course(seconds, span, peak)
    encode, decode = vae.encoder.forward, vae.decoder.forward
    if compiled and cuda:
        encode, decode = torch.compile(encode, dynamic=False), torch.compile(decode, dynamic=False)
    step, told, history = 0, -1.0, []

    def one(height, width, frames, encode, decode):
        count = max(1, pixels // (height * width * frames))
        clip, _, cells, seen = clips.make(count, height, width, frames, painted_share=0.25, cell=CELL)
        images = clip.flatten(0, 1)
        images = images.contiguous(memory_format=torch.channels_last) if cuda else images
        mask = torch.ones_like(clip[:, :, :1])
        with torch.autocast(device.type, torch.bfloat16, enabled=cuda):
            with torch.set_grad_enabled(not decoder_only):
                mean, logvar = vae.quant_conv(encode(images)).float().chunk(2, 1)
            logvar = logvar.clamp(-30, 20)
            z = mean if decoder_only else mean + (0.5 * logvar).exp() * torch.randn_like(mean)
            z = z.unflatten(0, (count, frames))
            # Latents should move as pictures do: some clips are decoded from their first frame's, moved.
            share = (0.7 if decoder_only else 0.3) if frames > 1 and course.gone + span[0] > 0.05 else 0
            chosen = round(count * share)
            if chosen:
                z = torch.cat([moved(z[:chosen, 0], cells[:chosen]), z[chosen:]])
                mask = torch.cat([seen[:chosen], mask[chosen:]])
            # And bear the small errors that sampling leaves in them.
            noise = z.detach().std() * 0.12 * torch.rand(count, 1, 1, 1, 1, device=device)
            z = (z + torch.randn_like(z) * noise).flatten(0, 1)
            if cuda:
                z = z.contiguous(memory_format=torch.channels_last)
            flags = torch.zeros(count, frames, device=device)
            decoded = decode(z, image_only_indicator=flags, num_frames=frames).float()
        loss, luma, error = reconstruction_loss(decoded, clip, mask)
        if not decoder_only:
            loss = loss + 2e-4 * 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        return loss, torch.stack([error, luma, loss.detach(), mean.detach().std()])

    while course.gone < 1:
        turn = TURNS[step % len(TURNS)] if step > 30 else 0
        height, width, frames = shapes[turn % len(shapes)]
        quick = (encode, decode) if turn == 0 else (vae.encoder.forward, vae.decoder.forward)
        try:
            loss, numbers = one(height, width, frames, *quick)
            for parameter in parameters:
                parameter.grad = None
            loss.backward()
        except RuntimeError as error:
            if encode is vae.encoder.forward or step > 5:
                raise
            log(f"compiling failed, so it goes on without: {str(error)[:300]}")
            encode, decode = vae.encoder.forward, vae.decoder.forward
            continue
        course.share(parameters)
        optimizer.step(course.rate)
        average.update()
        history.append(numbers)
        step += 1
        if course.gone * seconds > told + 20 or step in (1, 10):
            told = course.gone * seconds
            error, luma, total, spread = torch.stack(history[-100:]).mean(0).tolist()
            db = lambda v: 10 * math.log10(4 / max(v, 1e-9))
            log(f"vae step {step} at {course.gone:.2f}: {db(error):.2f} dB, luma {db(luma):.2f} dB, loss {total:.4f}, latents' spread {spread:.2f}")
    average.swap()
    vae.eval().requires_grad_(False)
    return step


@torch.no_grad()
def scaling_factor(vae, clips, device, batches=16, height=192, width=256):
    """One over the latents' standard deviation."""
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        found = [vae.encode(clips.make(4, height, width, 1)[0][:, 0]).latent_dist.mode().float() for _ in range(batches)]
    return float(1 / torch.cat(found).std())


@torch.no_grad()
def held_out_psnr(vae, pictures):
    """PSNR in dB of each picture [3, height, width] of -1 to 1, decoded as the middle of three equal frames; and the pictures."""
    made, found = [], []
    for picture in pictures:
        latents = vae.encode(picture[None]).latent_dist.mode().repeat(3, 1, 1, 1)
        image = vae.decode(latents, num_frames=3).sample[1].clamp(-1, 1).float()
        made.append(image)
        found.append(10 * math.log10(4 / float((image - picture).square().mean())))
    return found, made
