# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Clips made of still pictures: a camera zooms, travels, pans or rolls over a picture that has some depth.

Coordinates are isotropic: the shorter side of the first frame reaches from -1 to 1. A clip is known by where
each pixel of each frame looks in the first frame. What the camera would see beyond the first frame's border
is the first frame mirrored: so every frame follows from the first and the camera's path, which is what a
small model can learn.
"""

import math

import torch
import torch.nn.functional as F

from pictures import SIDE

KINDS = {"zoom in": 0.36, "travel": 0.32, "zoom out": 0.12, "pan": 0.12, "roll": 0.08}


def bucket_of(count):
    """Motion bucket ids for training, 2 to 255, more of them in the middle."""
    return 2 + 253 * torch.distributions.Beta(1.3, 1.4).sample((count,))


def mirrored(x, limit):
    """Folds a coordinate back into -limit ... limit."""
    y = torch.remainder(x + limit, 4 * limit)
    return torch.where(y < 2 * limit, y, 4 * limit - y) - limit


class ClipMaker:
    """Makes clips of `frames` frames. `reach` is the RMS displacement in the last frame at bucket 127."""

    def __init__(self, bank, frames, reach):
        self.bank, self.frames, self.reach = bank, frames, reach
        self.device = bank.levels[0].device
        time = torch.linspace(0, 1, frames)
        self.progress = (0.5 * time + 0.5 * time * time * (3 - 2 * time)).to(self.device)

    def path(self, count):
        """A camera path for each clip, before it is scaled to its bucket."""
        uniform, normal = torch.rand, torch.randn
        kind = torch.multinomial(torch.tensor(list(KINDS.values())), count, replacement=True)
        inwards, travel, out, pan, roll = [(kind == i).float() for i in range(len(KINDS))]
        strength = 0.7 + 0.3 * uniform(count)
        zoom = (inwards + travel + 0.9 * roll - out) * strength
        sideways = uniform(count) < 0.7
        flat = (uniform(count) < 0.5).float() * math.pi + 0.2 * normal(count)
        angle = torch.where(sideways, flat, 2 * math.pi * uniform(count))
        # A zoom leaves as much room to either side as it takes: within it, nothing beyond the border shows.
        away = travel * (0.6 + 0.4 * uniform(count)) + inwards * 0.5 * uniform(count) + pan + out * 0.3 * uniform(count)
        pan_by = torch.stack([angle.cos(), angle.sin()], -1) * (away * strength)[:, None]
        sign = (uniform(count) < 0.5).float() * 2 - 1
        turn = (roll * 0.5 + (1 - roll) * 0.08 * uniform(count)) * sign * strength
        depth = (uniform(count) < 0.7).float() * (0.15 + 0.35 * uniform(count))
        return dict(zoom=zoom, pan=pan_by, turn=turn, near_pan=pan_by * depth[:, None], near_zoom=zoom * depth)

    def view(self, count, height, width, painted_share):
        """Where in which square each clip lies, at what scale, and how its colours are changed."""
        uniform, normal = torch.rand, torch.randn
        largest = SIDE / max(height, width)
        scale = 0.9 * torch.exp(uniform(count) ** 0.7 * math.log(max(largest, 1) / 0.9))
        scale = scale.clamp(max=largest)
        index = self.bank.draw(count, painted_share)
        level = scale.log2().round().clamp(0, 2).long()
        order = torch.argsort(level)  # clips of one level lie side by side
        scale, level = scale[order], level[order]
        half = torch.stack([scale * width / 2, scale * height / 2], -1)
        centre = half + uniform(count, 2) * (SIDE - 2 * half).clamp(min=0)
        hue = math.pi * (2 * uniform(count) - 1) * (uniform(count) < 0.3)
        look = torch.stack(
            [(0.16 * normal(count)).exp(), 0.12 * normal(count), (0.2 * normal(count)).exp(), (0.12 * normal(count)).exp(), hue], -1
        )
        moved = dict(
            scale=scale,
            centre=centre,
            tilt=0.05 * normal(count),
            flip=(uniform(count) < 0.5).float() * 2 - 1,
            aspect=(0.06 * normal(count)).exp(),
            index=index,
            look=look,
            depth_weights=torch.stack([0.4 + 0.4 * uniform(count), 0.5 * normal(count) * uniform(count)], -1),
        )
        return {k: v.to(self.device, non_blocking=True) for k, v in moved.items()} | {"level": level.tolist()}

    def sample(self, view, points, short):
        """Colours at isotropic points [clips, rows, columns, 2] of the first frame: [clips, 3, rows, columns]."""
        each = lambda v: v.view(-1, 1, 1)
        x, y = points[..., 0] * each(view["flip"]), points[..., 1] * each(view["aspect"])
        cosine, sine = each(view["tilt"].cos()), each(view["tilt"].sin())
        pixels = each(view["scale"] * (short / 2))
        grid = torch.stack([
            each(view["centre"][:, 0]) + pixels * (cosine * x - sine * y),
            each(view["centre"][:, 1]) + pixels * (sine * x + cosine * y),
        ], -1) * (2 / SIDE) - 1
        levels, parts, start = view["level"], [], 0
        while start < len(levels):
            end = start + levels[start:].count(levels[start])
            source = self.bank.levels[levels[start]][view["index"][start:end]].float()
            parts.append(F.grid_sample(source, grid[start:end], padding_mode="reflection", align_corners=False))
            start = end
        return torch.cat(parts)

    def looked_at(self, path, points, depth, progress):
        """Where in the first frame the points [rows, columns, 2] of frames at `progress` look.

        `depth` is [clips, rows, columns]; returns [clips, frames, rows, columns, 2].
        """
        each = lambda v: v[:, None, None, None]
        e = progress.view(1, -1, 1, 1)
        x, y, near = points[..., 0], points[..., 1], depth[:, None]
        shrink = torch.exp(-each(path["zoom"]) * e)
        cosine, sine = torch.cos(each(path["turn"]) * e), torch.sin(each(path["turn"]) * e)
        at_x = (cosine * x - sine * y) * shrink + e * (
            each(path["pan"][:, 0]) + near * (each(path["near_pan"][:, 0]) - each(path["near_zoom"]) * x))
        at_y = (sine * x + cosine * y) * shrink + e * (
            each(path["pan"][:, 1]) + near * (each(path["near_pan"][:, 1]) - each(path["near_zoom"]) * y))
        return torch.stack([at_x, at_y], -1)

    def points(self, height, width, rows, columns):
        """The middles of a grid of cells over a frame, [rows, columns, 2]."""
        short = min(height, width)
        y = ((torch.arange(rows, device=self.device) + 0.5) / rows * 2 - 1) * (height / short)
        x = ((torch.arange(columns, device=self.device) + 0.5) / columns * 2 - 1) * (width / short)
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)

    def depth(self, view, points, short):
        """A smooth guess at what is near: what is low in the picture, and what is bright or dark."""
        light = self.sample(view, points.expand(len(view["level"]), -1, -1, -1), short).mean(1) / 127.5 - 1
        light = F.avg_pool2d(F.pad(light[:, None], (2, 2, 2, 2), mode="replicate"), 5, 1)[:, 0]
        light = light - light.mean((1, 2), keepdim=True)
        low, bright = view["depth_weights"][:, 0], view["depth_weights"][:, 1]
        depth = low[:, None, None] * points[..., 1] + bright[:, None, None] * light * 2
        depth = depth - depth.mean((1, 2), keepdim=True)
        return depth / (depth.square().mean((1, 2), keepdim=True).sqrt() + 0.2)

    def journey(self, count, height, width, painted_share):
        """Draws views and paths: returns them with buckets [clips] and depth over a coarse grid."""
        bucket = bucket_of(count).to(self.device)
        view = self.view(count, height, width, painted_share)
        path = {k: v.to(self.device, non_blocking=True) for k, v in self.path(count).items()}
        coarse = self.points(height, width, 16, 16)
        depth = self.depth(view, coarse, min(height, width))
        for _ in range(2):  # the displacement is nearly linear in the path: twice is enough
            moved = self.looked_at(path, coarse, depth, torch.ones(1, device=self.device))[:, 0] - coarse
            factor = self.reach * bucket / 127 / moved.square().sum(-1).mean((1, 2)).sqrt().clamp(min=1e-4)
            path = {k: v * (factor if v.dim() == 1 else factor[:, None]) for k, v in path.items()}
        return view, path, depth, bucket

    def looks(self, path, depth, height, width, rows, columns, progress):
        """Where each cell of a grid of rows and columns looks, [clips, frames, rows, columns, 2], not yet mirrored."""
        fine = F.interpolate(depth[:, None], size=(rows, columns), mode="bicubic", align_corners=True)[:, 0]
        return self.looked_at(path, self.points(height, width, rows, columns), fine, progress)

    def folded(self, at, height, width):
        short = min(height, width)
        return torch.stack([mirrored(at[..., 0], width / short), mirrored(at[..., 1], height / short)], -1)

    def for_grid_sample(self, at, height, width):
        short = min(height, width)
        return self.folded(at, height, width) / torch.tensor([width / short, height / short], device=self.device)

    @torch.no_grad()
    def make(self, count, height, width, frames=None, painted_share=0.2, cell=None):
        """Clips, their motion buckets, and, given a cell size in pixels, where each cell looks.

        Returns frames [clips, frames, 3, height, width] from -1 to 1, buckets [clips], and with `cell` also
        the first frame's coordinates for `grid_sample`, [clips, frames, height/cell, width/cell, 2], and
        which pixels look inside the first frame, [clips, frames, 1, height, width].
        """
        progress = self.progress if frames is None else torch.linspace(0, 1, max(2, frames), device=self.device)[:frames]
        view, path, depth, bucket = self.journey(count, height, width, painted_share)
        at = self.looks(path, depth, height, width, height, width, progress)
        inside = self.folded(at, height, width).reshape(count, len(progress) * height, width, 2)
        colors = self.sample(view, inside, min(height, width)).view(count, 3, len(progress), height, width)
        clip = self.developed(colors.transpose(1, 2) / 127.5 - 1, view["look"])
        if cell is None:
            return clip, bucket
        cells = self.looks(path, depth, height, width, height // cell, width // cell, progress)
        limit = torch.tensor([width, height], device=self.device) / min(height, width)
        return clip, bucket, self.for_grid_sample(cells, height, width), (at.abs() <= limit).all(-1)[:, :, None].float()

    @torch.no_grad()
    def make_moves(self, count, height, width, painted_share, cell):
        """Only the first frames [clips, 3, height, width], buckets [clips], and where each cell looks, as in `make`."""
        view, path, depth, bucket = self.journey(count, height, width, painted_share)
        still = self.points(height, width, height, width).expand(count, -1, -1, -1)
        first = self.developed(self.sample(view, still, min(height, width))[:, None] / 127.5 - 1, view["look"])[:, 0]
        cells = self.looks(path, depth, height, width, height // cell, width // cell, self.progress)
        return first, bucket, self.for_grid_sample(cells, height, width)

    def developed(self, clip, look):
        """Changes contrast, brightness, saturation, gamma and hue, alike in all frames of a clip."""
        contrast, brightness, saturation, gamma, hue = [look[:, i].view(-1, 1, 1, 1, 1) for i in range(5)]
        clip = (clip * 0.5 + 0.5).clamp(1e-4, 1) ** gamma * 2 - 1
        gray = clip.mean(2, keepdim=True)
        color = (clip - gray) * saturation
        # A turn about the gray axis (Rodrigues), for colours that have no gray part.
        turned = color * torch.cos(hue) + (color.roll(1, 2) - color.roll(-1, 2)) * (torch.sin(hue) / math.sqrt(3))
        return ((gray + turned) * contrast + brightness).clamp(-1, 1)


def moved(latents, cells):
    """First frames' latents [clips, channels, rows, columns] as the cells look: [clips, frames, channels, rows, columns]."""
    count, frames = cells.shape[:2]
    repeated = latents[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
    found = F.grid_sample(repeated, cells.flatten(0, 1), mode="bicubic", padding_mode="reflection", align_corners=False)
    return found.unflatten(0, (count, frames))
