#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Measures how far the lossy modes are from exact clips, and what they save.

    lossy.py .build/release/zoetrope photo1.jpg photo2.jpg --model MODEL --output table.md
    lossy.py .build/release/zoetrope photo1.jpg --options "--steps 25" --modes "exact|--cache deep:2"

Each mode makes a clip of every picture with every seed, as PNG frames, and each frame is compared with the one of the
same number that its baseline made: the last mode before it whose options hold neither --cache nor --guidance-interval
nor --compute float8.
So "exact", then "--max-guidance-scale 2.5" and then an interval with the same scale compares the interval with full
guidance. PSNR is over all three colours of a frame, in decibels; of equal frames it is left out of the mean and told
apart. SSIM is that of Wang and others 2004: luma, a Gaussian window of 11 pixels with a deviation of 1.5, K of 0.01 and
0.03. Pictures may be very alike and yet not equal: a clip from another seed is measured too, for scale ("another
seed"). "steps" is the time of all denoising steps, as a part of the baseline's; the modes take turns at every picture
and seed, so that a machine that slows down slows all.

Needs numpy and Pillow.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

MODES = "exact|--cache deep:2|--cache deep:3|--cache deep:5"
LOSSY = ("--cache", "--guidance-interval", "--compute float8")


def generate(arguments, picture, seed, mode, folder):
    """Makes a clip: its frames, and the seconds of its steps together."""
    output = os.path.join(folder, "frames")
    command = [arguments.binary, "generate", picture, "--json", "--format", "png", "-o", output, "--seed", str(seed)]
    if arguments.model:
        command += ["--model", arguments.model]
    command += shlex.split(arguments.options) + ([] if mode == "exact" else shlex.split(mode))
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{shlex.join(command)}: {run.stderr.strip()}")
    result = json.loads(run.stdout.strip().splitlines()[-1])
    frames = [np.asarray(Image.open(os.path.join(output, name))) for name in sorted(os.listdir(output))]
    return frames, result["seconds"]["denoise"]


def psnr(one, other):
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return None if error == 0 else 10 * np.log10(255**2 / error)


def ssim(one, other):
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blurred(x):
        for axis in range(2):
            x = np.apply_along_axis(np.convolve, axis, x, window, mode="valid")
        return x

    a, b = (x @ [0.299, 0.587, 0.114] for x in (one.astype(np.float64), other.astype(np.float64)))
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    both = blurred(a * b) - mean_a * mean_b
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(np.mean(
        (2 * mean_a * mean_b + first) * (2 * both + second)
        / ((mean_a**2 + mean_b**2 + first) * (var_a + var_b + second))
    ))


def compare(one, other):
    return psnr(one, other), ssim(one, other)


def row(name, pairs, ratios):
    decibels, likeness = zip(*pairs)
    finite = [value for value in decibels if value is not None]
    equal = f", {len(decibels) - len(finite)} equal" if len(finite) < len(decibels) else ""
    shown = f"{statistics.mean(finite):.1f}{equal} | {min(finite):.1f}" if finite else "all equal | "
    took = f"{statistics.median(ratios):.2f}" if ratios else ""
    return f"| {name} | {shown} | {statistics.mean(likeness):.4f} | {min(likeness):.4f} | {took} |"


def write(arguments, modes, baselines, pairs, ratios, others):
    """The table of what was measured so far."""
    head = "| PSNR, mean | worst | SSIM, mean | worst | steps |"
    lines = [f"| against the baseline above {head}", "| --- | --- | --- | --- | --- | --- |"]
    for mode in modes:
        if mode == baselines[mode]:
            lines.append(f"| **{mode}** | | | | | 1 |")
            if others[mode]:
                lines.append(row("another seed", others[mode], []))
        else:
            lines.append(row(f"`{mode}`", pairs[mode], ratios[mode]))
    text = "\n".join(lines) + "\n"
    if arguments.output:
        with open(arguments.output, "w") as file:
            file.write(text)
    else:
        print(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="zoetrope")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--model", help="a folder, a file or a name; the demonstration model if not given")
    parser.add_argument("--seeds", default="1,2,3", help="with commas between them")
    parser.add_argument("--modes", default=MODES, help="options of each, with | between them; exact for none")
    parser.add_argument("--options", default="", help="further options of all modes, such as --steps 25")
    parser.add_argument("--output", help="the file for the table; standard output if not given")
    parser.add_argument("--frames", help="a folder for the frames of the first picture and seed, mode by mode")
    arguments = parser.parse_args()
    modes = [mode.strip() for mode in arguments.modes.split("|")]
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    baselines = {}
    for mode in modes:
        if not any(word in mode for word in LOSSY):
            baseline = mode
        baselines[mode] = baseline
    pairs, ratios, others = ({mode: [] for mode in modes} for _ in range(3))
    earlier = {}
    for seed in seeds:
        for picture in arguments.pictures:
            made = {}
            for mode in modes:
                with tempfile.TemporaryDirectory() as folder:
                    made[mode] = generate(arguments, picture, seed, mode, folder)
                print(f"{picture}, seed {seed}, {mode}: {made[mode][1]:.2f} s", file=sys.stderr)
                if arguments.frames and picture == arguments.pictures[0] and seed == seeds[0]:
                    target = os.path.join(arguments.frames, mode.replace("--", "").replace(" ", "-").replace(":", "-"))
                    os.makedirs(target, exist_ok=True)
                    for index, frame in enumerate(made[mode][0]):
                        Image.fromarray(frame).save(f"{target}/{index:02}.png")
            for mode in modes:
                (frames, steps), (exact, whole) = made[mode], made[baselines[mode]]
                if mode == baselines[mode]:
                    others[mode] += map(compare, frames, earlier.get((picture, mode), []))
                    earlier[picture, mode] = frames
                    continue
                pairs[mode] += map(compare, frames, exact)
                ratios[mode].append(steps / whole)
            write(arguments, modes, baselines, pairs, ratios, others)


if __name__ == "__main__":
    main()
