#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Times diffusers' StableVideoDiffusionPipeline, stage by stage, and Zoetrope beside it.

    compare_torch.py MODEL_DIR --width 256 --height 256 --frames 14 --steps 3 --threads 2
    compare_torch.py MODEL_DIR ... --zoetrope .build/release/zoetrope --rounds 3 --json out.json

The torch side is diffusers as it comes: contiguous tensors, the default attention, float32 on the
CPU, weights read from the fp16 variant where the folder has one and widened. Guidance is on (1 to 3),
so a denoising step is one UNet call on a batch of two. Every round is a process of its own; with
`--zoetrope` the two sides take turns (torch, zoetrope, torch, zoetrope, ...), so that a machine that
slows down slows both.

Stages:
    load     weights from disk to a pipeline that can run (imports are timed apart)
    encode   from the call to the first UNet call: picture, CLIP, VAE encoder, noise
    step     one denoising step: UNet, guidance, scheduler
    decode   latents to float frames, `--chunk` frames at a time; torch also decodes all at once

For each stage the report gives wall seconds, processor seconds of all threads, and the peak resident
memory while it ran (Linux: the high-water mark is reset before each stage). On a machine that others
use, trust processor seconds more than wall seconds, and one thread more than two: torch's threads
spin while they wait, which counts as work, unless OMP_WAIT_POLICY=passive is set.

Zoetrope is run as `PATH bench --model DIR --width W --height H --frames F --steps N --threads T --json`
and is to print one JSON object:

    {"stages": {"load": s, "encode": s, "step": [s, ...], "decode": s},
     "cpu_stages": {the same, in processor seconds; may be left out},
     "peak_rss_bytes": n, "weights_bytes": n}

Its decode is compared with torch's at `--chunk`, so both should use the same chunk. Other keys are kept
in the JSON report and not read. Needs torch, diffusers and transformers.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

MEBIBYTE = 1 << 20


# ---- measuring one process

def memory(key):
    """Bytes of one line of /proc/self/status (VmRSS: now, VmHWM: peak), or None where there is none."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def reset_peak():
    """Makes VmHWM start again from the present size; returns whether the system allows it."""
    try:
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
        return True
    except OSError:
        return False


class Stopwatch:
    """Wall seconds, processor seconds and peak memory since the last `lap`."""

    def __init__(self):
        self.peak_per_stage = reset_peak()
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def lap(self):
        now, cpu = time.perf_counter(), time.process_time()
        result = {
            "wall_s": now - self.wall,
            "cpu_s": cpu - self.cpu,
            "peak_rss_bytes": memory("VmHWM") if self.peak_per_stage else None,
        }
        reset_peak()
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return result


# ---- the torch side, in a process of its own

def picture(width, height):
    """The same RGB picture everywhere: two ramps and a texture."""
    from PIL import Image

    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            pixels += bytes(
                (255 * x // max(width - 1, 1), 255 * y // max(height - 1, 1), (7 * x + 3 * y) % 256))
    return Image.frombytes("RGB", (width, height), bytes(pixels))


def torch_worker(options):
    """One round of diffusers; prints its measurements as JSON."""
    watch = Stopwatch()
    import torch
    import diffusers
    from diffusers import StableVideoDiffusionPipeline

    torch.set_num_threads(options.threads)
    image = picture(options.width, options.height)
    report = {"side": "torch", "torch": torch.__version__, "diffusers": diffusers.__version__}
    report["import"] = watch.lap()
    report["rss_before_load_bytes"] = memory("VmRSS")

    has_half = any(
        ".fp16" in name and name.endswith(".safetensors")
        for _, _, names in os.walk(options.model) for name in names)
    pipe = StableVideoDiffusionPipeline.from_pretrained(
        options.model, variant="fp16" if has_half else None, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    models = (pipe.unet, pipe.vae, pipe.image_encoder)
    report["load"] = watch.lap()
    report["rss_after_load_bytes"] = memory("VmRSS")
    report["weights_bytes"] = sum(
        p.numel() * p.element_size() for m in models for p in m.parameters())

    laps = []

    def before_unet(module, args):
        if not laps:
            laps.append(watch.lap())

    def after_step(pipeline, index, timestep, kwargs):
        laps.append(watch.lap())
        return kwargs

    hook = pipe.unet.register_forward_pre_hook(before_unet)
    latents = pipe(
        image, width=options.width, height=options.height, num_frames=options.frames,
        num_inference_steps=options.steps, max_guidance_scale=options.max_guidance, generator=torch.manual_seed(42), output_type="latent",
        callback_on_step_end=after_step).frames
    hook.remove()
    report["encode"], report["step"] = laps[0], laps[1:]

    with torch.no_grad():
        watch.lap()
        pipe.decode_latents(latents, options.frames, options.chunk)
        report["decode"] = watch.lap()
        if options.whole:
            pipe.decode_latents(latents, options.frames, options.frames)
            report["decode_whole"] = watch.lap()
    print(json.dumps(report))


# ---- running the rounds

def run(command, environment=None):
    """Runs a command; its JSON output plus wall, processor seconds and peak memory of the process."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode != 0:
        sys.exit(f"error: {shlex.join(command)} ended with status {process.returncode}")
    try:
        report = json.loads(output)
    except ValueError:
        sys.exit(f"error: {shlex.join(command)} printed no JSON: {output[:200]!r}")
    report["process"] = {
        "wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_rss_bytes": usage.ru_maxrss * 1024, "load_average": os.getloadavg()[0]}
    return report


def torch_round(options):
    environment = dict(
        os.environ, OMP_NUM_THREADS=str(options.threads), HF_HUB_OFFLINE="1", PYTHONWARNINGS="ignore",
        TRANSFORMERS_VERBOSITY="error", DIFFUSERS_VERBOSITY="error", TQDM_DISABLE="1")
    command = [
        sys.executable, os.path.abspath(__file__), options.model, "--worker",
        "--width", str(options.width), "--height", str(options.height),
        "--frames", str(options.frames), "--steps", str(options.steps),
        "--threads", str(options.threads), "--chunk", str(options.chunk),
        "--max-guidance", str(options.max_guidance)]
    return run(command + ([] if options.whole else ["--no-whole"]), environment)


def zoetrope_round(options):
    command = [
        options.zoetrope, "bench", "--model", options.model,
        "--width", str(options.width), "--height", str(options.height),
        "--frames", str(options.frames), "--steps", str(options.steps),
        "--threads", str(options.threads), "--max-guidance-scale", str(options.max_guidance), "--json"]
    report = run(command + shlex.split(options.zoetrope_arguments))
    report["side"] = "zoetrope"
    try:
        stages = report["stages"]
        for stage in ("load", "encode", "decode"):
            report[stage] = {"wall_s": float(stages[stage])}
        report["step"] = [{"wall_s": float(wall)} for wall in stages["step"]]
        cpu_stages = report.get("cpu_stages") or {}
        for stage in ("load", "encode", "decode"):
            if stage in cpu_stages:
                report[stage]["cpu_s"] = float(cpu_stages[stage])
        for lap, cpu in zip(report["step"], cpu_stages.get("step", [])):
            lap["cpu_s"] = float(cpu)
    except (KeyError, TypeError, ValueError) as error:
        sys.exit(f"error: the JSON of {options.zoetrope} lacks or misspells {error}")
    return report


# ---- the report

def values(reports, stage, key):
    """All measurements of one stage; `step 1` is the first step, `step` the others (or all, if one)."""
    found = []
    for report in reports:
        if stage == "step 1":
            laps = report["step"][:1]
        elif stage == "step":
            laps = report["step"][1:] or report["step"]
        else:
            laps = [report[stage]] if stage in report else []
        found += [lap[key] for lap in laps if lap.get(key) is not None]
    return found


def median(numbers):
    return statistics.median(numbers) if numbers else None


def totals(reports, key):
    """Seconds of each whole generation, without imports: load, encode, every step, decode."""
    found = []
    for report in reports:
        laps = [report["load"], report["encode"], *report["step"], report["decode"]]
        if all(key in lap for lap in laps):
            found.append(sum(lap[key] for lap in laps))
    return found


def torch_peak(report):
    """Peak bytes from load to frames, without the second decode."""
    laps = [report["load"], report["encode"], *report["step"], report["decode"]]
    peaks = [lap["peak_rss_bytes"] for lap in laps if lap["peak_rss_bytes"]]
    return max(peaks, default=None)


def ratio(theirs, ours):
    """How many times as long torch takes."""
    return f"{median(theirs) / median(ours):.2f}" if theirs and ours else "-"


def seconds(numbers):
    if not numbers:
        return "-"
    return f"{median(numbers):.3f} ({min(numbers):.3f}-{max(numbers):.3f})"


def mebibytes(number):
    return "-" if number is None else f"{number / MEBIBYTE:.0f}"


def table(options, torch_reports, zoetrope_reports):
    """The report as Markdown: medians over rounds (least-most); a ratio is torch over zoetrope."""
    lines = []
    ours = bool(zoetrope_reports)
    lines.append("| stage | torch wall s | torch CPU s | torch peak MiB |"
                 + (" zoetrope wall s | zoetrope CPU s | wall ratio | CPU ratio |" if ours else ""))
    lines.append("| --- | --- | --- | --- |" + (" --- | --- | --- | --- |" if ours else ""))

    def row(name, wall, cpu, peak, our_wall, our_cpu):
        line = f"| {name} | {seconds(wall)} | {seconds(cpu)} | {mebibytes(peak)} |"
        if ours:
            line += (f" {seconds(our_wall)} | {seconds(our_cpu)}"
                     f" | {ratio(wall, our_wall)} | {ratio(cpu, our_cpu)} |")
        lines.append(line)

    names = {"import": "import", "load": "load", "encode": "CLIP + VAE encode", "step 1": "first step",
             "step": "later steps", "decode": f"decode, chunk {options.chunk}",
             "decode_whole": f"decode, chunk {options.frames} (whole)"}
    for stage, name in names.items():
        wall = values(torch_reports, stage, "wall_s")
        if wall:
            row(name, wall, values(torch_reports, stage, "cpu_s"),
                median(values(torch_reports, stage, "peak_rss_bytes")),
                values(zoetrope_reports, stage, "wall_s"), values(zoetrope_reports, stage, "cpu_s"))
    row("load to frames", totals(torch_reports, "wall_s"), totals(torch_reports, "cpu_s"), None,
        totals(zoetrope_reports, "wall_s"), totals(zoetrope_reports, "cpu_s"))

    lines += ["", "| memory, MiB | torch |" + (" zoetrope |" if ours else ""),
              "| --- | --- |" + (" --- |" if ours else "")]

    def memory_row(name, key, ours_key):
        mine = [r[ours_key] for r in zoetrope_reports if r.get(ours_key)] if ours_key else []
        theirs = median([r[key] for r in torch_reports if r.get(key)])
        lines.append(f"| {name} | {mebibytes(theirs)} |" + (f" {mebibytes(median(mine))} |" if ours else ""))

    memory_row("weights", "weights_bytes", "weights_bytes")
    memory_row("resident before load", "rss_before_load_bytes", None)
    memory_row("resident after load", "rss_after_load_bytes", None)
    theirs = median([p for p in map(torch_peak, torch_reports) if p])
    mine = median([r["process"]["peak_rss_bytes"] for r in zoetrope_reports])
    lines.append(f"| peak, load to frames | {mebibytes(theirs)} |" + (f" {mebibytes(mine)} |" if ours else ""))

    extra = "imports and the second decode" if options.whole else "imports"
    cpu = [seconds([r["process"]["cpu_s"] for r in side]) for side in (torch_reports, zoetrope_reports)]
    lines += ["", f"CPU s of the whole process: torch {cpu[0]} (with {extra})"
              + (f", zoetrope {cpu[1]}" if ours else "") + "."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("model", help="folder of a diffusers StableVideoDiffusionPipeline")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--frames", type=int, default=14)
    parser.add_argument("--steps", type=int, default=3, help="denoising steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chunk", type=int, default=2, help="frames decoded at a time")
    parser.add_argument("--max-guidance", type=float, default=3.0, help="of the last frame; 1 for none")
    parser.add_argument("--no-whole", dest="whole", action="store_false",
                        help="skip torch's second decode, of all frames at once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--zoetrope", metavar="PATH", help="the zoetrope command, to compare")
    parser.add_argument("--zoetrope-arguments", default="", metavar="WORDS",
                        help="further arguments for `zoetrope bench`, in one string")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE",
                        help="every measurement as JSON, to FILE or instead of the table")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        torch_worker(options)
        return

    torch_reports, zoetrope_reports = [], []
    for number in range(options.rounds):
        torch_reports.append(torch_round(options))
        if options.zoetrope:
            zoetrope_reports.append(zoetrope_round(options))
        print(f"round {number + 1} of {options.rounds}: load average {os.getloadavg()[0]:.1f}",
              file=sys.stderr)

    if options.json:
        document = json.dumps(
            {"options": vars(options), "torch": torch_reports, "zoetrope": zoetrope_reports}, indent=1)
        if options.json == "-":
            print(document)
        else:
            with open(options.json, "w") as file:
                file.write(document + "\n")
    if options.json != "-":
        averages = [r["process"]["load_average"] for r in torch_reports + zoetrope_reports]
        print(f"{os.path.basename(os.path.normpath(options.model))}: {options.width}x{options.height}, "
              f"{options.frames} frames, {options.steps} steps, guidance up to {options.max_guidance:g}, {options.threads} threads, "
              f"torch {torch_reports[0]['torch']}, diffusers {torch_reports[0]['diffusers']}, float32; "
              f"median of {options.rounds} rounds (least-most), "
              f"load average {min(averages):.1f}-{max(averages):.1f} on {os.cpu_count()} cores\n")
        print(table(options, torch_reports, zoetrope_reports))


if __name__ == "__main__":
    main()
