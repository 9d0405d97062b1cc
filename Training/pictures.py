# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""The pictures that clips are cut from: the free photographs of pictures.tsv, and painted ones."""

import csv
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SIDE = 512


def listed(use):
    """The names of pictures.tsv's rows for one use, "train" or "test"."""
    with open(Path(__file__).with_name("pictures.tsv"), newline="") as file:
        return [row["name"] for row in csv.DictReader(file, delimiter="\t") if row["use"] == use]


def files(folder, use):
    """The files of a use: `NAME.jpg`, its crops `NAME_c1.jpg` and so on, with or without `val_` before."""
    found = []
    for name in listed(use):
        crops = sorted(Path(folder).glob(f"{name}_c?.jpg")) if use == "train" else []
        whole = [p for p in (Path(folder) / f"{name}.jpg", Path(folder) / f"val_{name}.jpg") if p.exists()]
        if not whole:
            raise FileNotFoundError(f"{folder} has no {name}.jpg, which pictures.tsv lists")
        found += whole[:1] + crops
    return found


def squares(path):
    """One or two squares of SIDE pixels that cover most of a picture, uint8 [height, width, 3]."""
    image = Image.open(path).convert("RGB")
    scale = SIDE / min(image.size)
    if scale != 1:
        image = image.resize([max(SIDE, round(v * scale)) for v in image.size], Image.LANCZOS)
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    spare = max(height, width) - SIDE
    offsets = [0, spare] if spare > 0.3 * SIDE else [spare // 2]
    return [pixels[:SIDE, o : o + SIDE] if width >= height else pixels[o : o + SIDE, :SIDE] for o in offsets]


def held_out(folder, size):
    """The test pictures, cut to a size about their middle. PIL images, in the order of pictures.tsv."""
    width, height = size
    cut = []
    for path in files(folder, "test"):
        image = Image.open(path).convert("RGB")
        scale = max(width / image.width, height / image.height)
        image = image.resize([max(s, round(v * scale)) for s, v in zip(size, image.size)], Image.LANCZOS)
        left, top = (image.width - width) // 2, (image.height - height) // 2
        cut.append(image.crop((left, top, left + width, top + height)))
    return cut


@torch.no_grad()
def dead_leaves(count, device, generator, leaves=160):
    """Painted squares: textured discs, boxes and bars over each other, big ones first.

    The dead leaves model (Lee, Mumford and Huang 2001) has edges, occlusion and scales as photographs do,
    and colours and textures that few photographs teach. Returns uint8 [count, 3, SIDE, SIDE].
    """
    axis = torch.linspace(-1, 1, SIDE, device=device)
    y, x = axis[None, :, None], axis[None, None, :]
    draw = lambda *shape: torch.rand(*shape, generator=generator).to(device)
    turn = lambda a: (a.cos()[:, None, None], a.sin()[:, None, None])

    def paint():
        cosine, sine = turn(2 * math.pi * draw(count))
        u, v = cosine * x + sine * y, cosine * y - sine * x
        ramp = torch.stack([u, v, u * v], 1)
        color = draw(count, 3, 1, 1) * 1.1 - 0.05
        color = color + torch.einsum("bkhw,bck->bchw", ramp, 0.4 * (draw(count, 3, 3) - 0.5))
        waves = torch.exp(draw(count) * 3.5 + 1)[:, None, None]
        strength = (0.25 * draw(count) ** 3)[:, None, None, None]
        stripes = torch.sin(waves * u + 3 * torch.sin(waves * 0.3 * v))[:, None]
        return color + strength * stripes * (0.4 + draw(count, 3, 1, 1))

    canvas = paint()
    for leaf in range(leaves):
        size = (0.9 * (0.02 / 0.9) ** (leaf / leaves) * (0.5 + draw(count)))[:, None, None]
        cosine, sine = turn(2 * math.pi * draw(count))
        dx, dy = x - (draw(count) * 2 - 1)[:, None, None], y - (draw(count) * 2 - 1)[:, None, None]
        u, v = cosine * dx + sine * dy, (cosine * dy - sine * dx) * (1 + 5 * draw(count) ** 3)[:, None, None]
        disc = (draw(count) < 0.6)[:, None, None]
        distance = torch.where(disc, (u * u + v * v).sqrt(), torch.maximum(u.abs(), v.abs())) - size
        soft = (3 + 200 * draw(count) ** 0.5)[:, None, None]
        cover = torch.sigmoid(-distance * soft)[:, None]
        canvas = canvas + cover * (paint() - canvas)
    return (canvas.clamp(0, 1) * 255).round().to(torch.uint8)


class PictureBank:
    """All training squares on the device at full, half and quarter size: `levels[i]` is [n, 3, SIDE/2^i, ...].

    Photographs come first, then the painted squares.
    """

    def __init__(self, folder, device, painted, generator, limit=None):
        paths = files(folder, "train")[:limit]
        with ThreadPoolExecutor(8) as pool:
            tiles = [tile for group in pool.map(squares, paths) for tile in group]
        photographs = torch.from_numpy(np.stack(tiles)).to(device).permute(0, 3, 1, 2)
        leaves = [dead_leaves(min(16, painted - i), device, generator) for i in range(0, painted, 16)]
        self.photographs, self.painted = len(tiles), painted
        self.levels = [torch.cat([photographs, *leaves]).contiguous()]
        for factor in (2, 4):
            parts = [F.avg_pool2d(p.float(), factor).round().to(torch.uint8) for p in self.levels[0].split(32)]
            self.levels.append(torch.cat(parts))

    def draw(self, count, painted_share):
        """Indices of `count` squares, about that share of them painted."""
        photo = torch.randint(self.photographs, (count,))
        if not self.painted:
            return photo
        leaf = self.photographs + torch.randint(self.painted, (count,))
        return torch.where(torch.rand(count) < painted_share, leaf, photo)
