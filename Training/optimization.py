# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Muon, an average of the weights, the learning rate's course, and gradients shared among GPUs."""

import math
import time

import torch
import torch.distributed as distributed

NOT_MATRICES = ("conv_in", "conv_out", "time_embedding", "add_embedding", "time_pos_embed", "mix_factor")


class Muon:
    """Muon (Jordan 2024) for hidden matrices, AdamW for the first and last layers, vectors and scalars.

    The momentum of a matrix is made orthogonal by five Newton-Schulz steps; matrices of one shape go
    together. Updates have the size of AdamW's (Liu et al. 2025), so one learning rate serves both.
    """

    def __init__(self, model, decay):
        self.groups, vectors = {}, []
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            if parameter.dim() >= 2 and not any(part in name for part in NOT_MATRICES):
                self.groups.setdefault((parameter.shape[0], parameter[0].numel()), []).append(parameter)
            else:
                vectors.append(parameter)
        self.momentum = {s: torch.zeros(len(ps), *s, device=ps[0].device) for s, ps in self.groups.items()}
        self.adam = torch.optim.AdamW(vectors, betas=(0.9, 0.99), weight_decay=0.0)
        self.decay = decay

    @torch.no_grad()
    def step(self, rate):
        for group in self.adam.param_groups:
            group["lr"] = 0.5 * rate
        self.adam.step()
        for (rows, columns), parameters in self.groups.items():
            gradient = torch.stack([p.grad.reshape(rows, columns) for p in parameters]).float()
            momentum = self.momentum[rows, columns].mul_(0.95).add_(gradient)
            x = gradient.add(momentum, alpha=0.95)
            if rows > columns:
                x = x.transpose(1, 2)
            x = x.bfloat16() if x.is_cuda else x
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            for _ in range(5):
                square = x @ x.transpose(1, 2)
                x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
            x = (x.transpose(1, 2) if rows > columns else x).float()
            torch._foreach_mul_(parameters, 1 - rate * self.decay)
            updates = [u.reshape(p.shape) for p, u in zip(parameters, x)]
            torch._foreach_add_(parameters, updates, alpha=-0.2 * math.sqrt(max(rows, columns)) * rate)


class Average:
    """A mean of the weights over a fixed share of all steps so far (the power function of Karras et al. 2024)."""

    def __init__(self, model, steps=0, power=14):
        self.parameters = list(model.parameters())
        self.values = [p.detach().clone() for p in self.parameters]
        self.steps, self.power = steps, power

    @torch.no_grad()
    def update(self):
        self.steps += 1
        keep = (1 - 1 / self.steps) ** (1 + self.power)
        torch._foreach_lerp_(self.values, [p.detach() for p in self.parameters], 1 - keep)

    @torch.no_grad()
    def swap(self):
        """Exchanges the average and the weights."""
        for parameter, value in zip(self.parameters, self.values):
            kept = parameter.detach().clone()
            parameter.copy_(value)
            value.copy_(kept)


class Course:
    """The time of a stage, the learning rate over it, and the mean of gradients over all processes.

    A stage covers `begin` to `end` of its model's whole training. The rate is constant for the first 45 % of
    that and falls to nothing in a straight line.
    """

    def __init__(self, seconds, span, peak):
        self.started, self.seconds, self.peak = time.monotonic(), seconds, peak
        self.begin, self.end = span
        self.gone, self.steps = 0.0, 0

    @property
    def rate(self):
        done = self.begin + (self.end - self.begin) * self.gone
        return self.peak * min(1, self.gone * 50 + 0.05) * min(1, (1 - done) / 0.55 + 0.002)

    def share(self, parameters):
        """Averages gradients over processes, clips their norm to 1, and moves time on, alike everywhere.

        Time moves every eighth step only: to read it from the GPU is to wait for all that was asked of it.
        """
        gradients = [p.grad for p in parameters if p.grad is not None]
        now = (time.monotonic() - self.started) / self.seconds
        self.steps += 1
        if distributed.is_initialized() and distributed.get_world_size() > 1:
            flat = torch.cat([g.reshape(-1) for g in gradients] + [gradients[0].new_tensor([now])])
            distributed.all_reduce(flat)
            flat /= distributed.get_world_size()
            parts = flat[:-1].split([g.numel() for g in gradients])
            torch._foreach_copy_(gradients, [part.view_as(g) for g, part in zip(gradients, parts)])
            now = float(flat[-1]) if self.steps % 8 < 2 else self.gone
        self.gone = now
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)


def broadcast(model):
    """Gives every process the first one's weights."""
    if distributed.is_initialized() and distributed.get_world_size() > 1:
        for tensor in model.state_dict().values():
            distributed.broadcast(tensor, 0)
