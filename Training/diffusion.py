# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Trains the UNet on moving latents, with the conditions that the pipeline gives it.

The latents of a clip are its first frame's, moved as the camera moves. Encoding every frame instead gives
latents that decode to the same pictures but differ from these by two fifths of their variance, in ways that
no small network predicts: late frames then smear. The VAE's decoder was trained to decode moved latents.
"""

import torch

from clips import moved
from models import CELL, CONTEXT, FRAMES, LATENT_CHANNELS, image_embeddings, quicken
from optimization import Average, Course, Muon, broadcast

SIGMAS_TOLD = (0.15, 0.6, 2.0, 6.0, 20.0, 50.0)


class LatentBank:
    """A ring of encoded clips of one size with their conditions."""

    def __init__(self, vae, clip_model, clips, height, width, capacity, device):
        self.vae, self.clip_model, self.clips, self.device = vae, clip_model, clips, device
        self.height, self.width, self.capacity, self.filled, self.next = height, width, capacity, 0, 0
        rows, columns = height // CELL, width // CELL
        kept = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.latents = torch.zeros(capacity, FRAMES, LATENT_CHANNELS, rows, columns, device=device, dtype=kept)
        self.condition = torch.zeros(capacity, LATENT_CHANNELS, rows, columns, device=device)
        self.time_ids = torch.zeros(capacity, 3, device=device)
        self.context = torch.zeros(capacity, CONTEXT, device=device)

    @torch.no_grad()
    def add(self, count):
        first, bucket, cells = self.clips.make_moves(count, self.height, self.width, 0.15, CELL)
        strength = torch.exp(torch.randn(count, device=self.device) * 0.6 - 3.7)  # half of them within 0.016 and 0.037
        images = torch.cat([first, first + strength.view(-1, 1, 1, 1) * torch.randn_like(first)])
        if self.device.type == "cuda":
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            encoded = self.vae.encode(images).latent_dist.mode().float()
        place = torch.arange(self.next, self.next + count, device=self.device) % self.capacity
        latents = moved(encoded[:count], cells) * self.vae.config.scaling_factor
        self.latents[place] = latents.to(self.latents.dtype)
        self.condition[place] = encoded[count:]
        fps = torch.randint(4, 30, (count,), device=self.device)
        self.time_ids[place] = torch.stack([fps.float(), bucket.round(), strength], -1)
        self.context[place] = image_embeddings(self.clip_model, first)
        self.next = (self.next + count) % self.capacity
        self.filled = min(self.capacity, self.filled + count)

    def draw(self, count):
        place = torch.randint(self.filled, (count,), device=self.device)
        return self.latents[place].float(), self.condition[place], self.time_ids[place], self.context[place]


def velocity_loss(unet, batch, sigma, noise, dropped=None):
    """The squared error of v for each clip, preconditioned as EulerDiscreteScheduler undoes it (v-prediction, Karras et al. 2022)."""
    latents, condition, time_ids, context = batch
    s = sigma.view(-1, 1, 1, 1, 1)
    noisy = latents + s * noise
    if dropped is not None:
        condition = condition * (1 - dropped).view(-1, 1, 1, 1)
        context = context * (1 - dropped).view(-1, 1)
    repeated = condition[:, None].expand(-1, latents.shape[1], -1, -1, -1)
    given = torch.cat([noisy / (s * s + 1).sqrt(), repeated], 2)
    with torch.autocast(noisy.device.type, torch.bfloat16, enabled=noisy.is_cuda):
        v = unet(given, 0.25 * sigma.log(), context[:, None], added_time_ids=time_ids, return_dict=False)[0]
    target = (noisy / (s * s + 1) - latents) * (s * s + 1).sqrt() / s
    return (v.float() - target).square().mean((1, 2, 3, 4))


def train(unet, vae, clip_model, clips, sizes, seconds, span, device, log, averaged=None, steps_before=0, batch=14, peak=2e-3,
          reuse=12, capacity=6000, first=256, compiled=True):
    """Trains for some seconds on clips of the sizes (height, width) in turn; the averaged weights stay in `unet`.

    `unet` comes with the raw weights, `averaged` with a state dict of the average so far. The first size is
    compiled. Returns the raw weights and the steps taken.
    """
    cuda = device.type == "cuda"
    unet.train()
    quicken(unet)
    quicken(vae)
    broadcast(unet)
    average = Average(unet, steps_before)
    if averaged is not None:
        average.values = [averaged[name].to(device) for name, _ in unet.named_parameters()]
    parameters = list(unet.parameters())
    optimizer, course = Muon(unet, 0.01), Course(seconds, span, peak)
    area = sizes[0][0] * sizes[0][1]
    banks = {}
    for height, width in dict.fromkeys(sizes):
        share = capacity if (height, width) == sizes[0] else capacity // 8
        bank = banks[height, width] = LatentBank(vae, clip_model, clips, height, width, share, device)
        while bank.filled < min(first, share):
            bank.add(min(8, share))
    check = banks[sizes[0]].draw(min(24, banks[sizes[0]].filled))
    check_noise = torch.randn(check[0].shape, generator=torch.Generator().manual_seed(1)).to(device)
    network = torch.compile(unet, dynamic=False) if compiled and cuda else unet
    step, told, told_step, history, owed = 0, -1.0, 0, [], dict.fromkeys(banks, 0.0)

    while course.gone < 1:
        size = sizes[step % len(sizes)]
        bank = banks[size]
        count = max(1, batch * area // (size[0] * size[1]))
        owed[size] += count / reuse
        if owed[size] >= 8:
            bank.add(8)
            owed[size] -= 8
        drawn = bank.draw(count)
        # Where the path is settled (high noise) and where detail is: about half below 3, a tenth above 25.
        sigma = torch.exp(1.1 + 1.65 * torch.randn(count, device=device)).clamp(max=1.2 * 100)
        dropped = (torch.rand(count, device=device) < 0.08).float()
        try:
            chosen = network if size == sizes[0] else unet
            loss = velocity_loss(chosen, drawn, sigma, torch.randn_like(drawn[0]), dropped).mean()
            for parameter in parameters:
                parameter.grad = None
            loss.backward()
        except RuntimeError as error:
            if network is unet or step > 5:
                raise
            log(f"compiling failed, so it goes on without: {str(error)[:300]}")
            network = unet
            continue
        course.share(parameters)
        optimizer.step(course.rate)
        average.update()
        history.append(loss.detach())
        step += 1
        if course.gone * seconds > told + 25 or step in (1, 10):
            average.swap()
            unet.eval()
            with torch.no_grad():
                level = lambda s: velocity_loss(unet, check, torch.full((len(check_noise),), s, device=device), check_noise).mean().item()
                found = " ".join(f"{level(s):.4f}" for s in SIGMAS_TOLD)
            unet.train()
            average.swap()
            speed = (course.gone * seconds - told) / max(1, step - told_step)
            log(f"unet step {step} at {course.gone:.2f}: loss {torch.stack(history[-200:]).mean().item():.4f}, average at sigma {SIGMAS_TOLD}: {found}; {1000 * speed:.0f} ms a step")
            told, told_step = course.gone * seconds, step
    raw = {name: value.detach().clone() for name, value in unet.state_dict().items()}
    average.swap()
    unet.eval()
    return raw, step
