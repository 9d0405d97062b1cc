#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Measures how long a cancelled clip goes on holding the engine, against one step's time.

Starts a server, has two clips asked for, cancels the one that is denoised at a random moment of a step, and
takes the time until the other begins and until its first step is done; then that one is cancelled in turn. Needs
nothing but Python's own library.

    Benchmarks/cancel_time.py .build/release/zoetrope photo.jpg --model Models/demo
"""

import argparse
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid


class Watch:
    """What happens to a job, with the moments at which it was heard."""

    def __init__(self, address, id):
        self.id = id
        self.begun = None
        self.steps = []
        self.changed = threading.Condition()
        stream = urllib.request.urlopen(f"{address}/jobs/{id}/events", timeout=600)
        threading.Thread(target=self.read, args=[stream], daemon=True).start()

    def read(self, stream):
        try:
            with stream:
                for line in stream:
                    if line.startswith(b"data: {"):
                        self.note(json.loads(line[6:]), time.monotonic())
        except (OSError, http.client.HTTPException):
            pass  # The server was stopped.

    def note(self, job, now):
        with self.changed:
            if job.get("state") == "running" and self.begun is None:
                self.begun = now
            if job.get("stage") == "denoise" and job["state"] == "running":
                while len(self.steps) <= job["done"]:
                    self.steps.append(now)
            self.changed.notify_all()

    def wait(self, condition):
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self), timeout=600):
                sys.exit("nothing happens")


def ask(address, path, body=b"", kind="application/json"):
    request = urllib.request.Request(
        f"{address}{path}", data=body, method="POST", headers={"content-type": kind}
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.loads(answer.read())


def submit(address, picture, fields):
    boundary = uuid.uuid4().hex
    parts = [(f'name="{name}"', str(value).encode()) for name, value in fields.items()]
    parts.append(('name="image"; filename="picture"', picture))
    body = b"".join(
        f"--{boundary}\r\ncontent-disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    )
    body += f"--{boundary}--\r\n".encode()
    return ask(address, "/jobs", body, f"multipart/form-data; boundary={boundary}")["id"]


def start(options, store):
    process = subprocess.Popen(
        [options.program, "serve", "--model", options.model, "--store", store, "--port", "0",
         "--device", options.device, "--grace", "0"],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )
    for line in process.stderr:
        if match := re.search(r"is served on (http://\S+)", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, match[1]
    sys.exit("the server does not start")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("picture")
    parser.add_argument("--model", required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="a field of the form, as width=256")
    options = parser.parse_args()
    fields = {"num_inference_steps": 1000, **dict(pair.split("=", 1) for pair in options.set)}
    with open(options.picture, "rb") as file:
        picture = file.read()
    moments = random.Random(0)
    load = os.getloadavg()[0]
    rounds = []
    with tempfile.TemporaryDirectory() as store:
        process, address = start(options, store)
        try:
            running = Watch(address, submit(address, picture, fields))
            for _ in range(options.rounds):
                running.wait(lambda watch: len(watch.steps) > 5)
                waiting = Watch(address, submit(address, picture, fields))
                steps = running.steps[1:]
                step = statistics.median(b - a for a, b in zip(steps, steps[1:]))
                time.sleep(moments.uniform(0, step))
                cancelled = time.monotonic()
                ask(address, f"/jobs/{running.id}/cancel")
                waiting.wait(lambda watch: len(watch.steps) > 1)
                rounds.append((step, waiting.begun - cancelled, waiting.steps[1] - cancelled))
                running = waiting
        finally:
            process.terminate()
            process.wait()
    step, begins, first = ([round[index] * 1000 for round in rounds] for index in range(3))
    late = sum(begin > step + 0.1 for step, begin, _ in rounds)
    for name, values in (("a step", step), ("cancel to the next begins", begins),
                         ("cancel to its first step is done", first)):
        print(f"{name}: {statistics.median(values):.0f} ms ({min(values):.0f}-{max(values):.0f})")
    print(f"{late} of {len(rounds)} began later than a step and 100 ms; "
          f"load average {load:.1f} before, {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
