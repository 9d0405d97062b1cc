#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Kills a server again and again while it makes clips, and holds it to its promise.

Every job that was accepted must end once, and no file be left that belongs to none. Uses a tiny model
that it makes itself; needs nothing but Python's own library. Stops after --limit seconds.

    Tools/crash-test.py .build/release/zoetrope photo.png
"""

import argparse
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid

FIELDS = {
    "width": 64, "height": 64, "num_frames": 2, "num_inference_steps": 1, "format": "gif",
}


class Server:
    """One run of the server; its log is read as it comes."""

    def __init__(self, program, model, store, queue):
        environment = dict(os.environ, OMP_WAIT_POLICY="passive")
        self.process = subprocess.Popen(
            [program, "serve", "--model", model, "--store", store, "--port", "0",
             "--queue", str(queue), "--device", "cpu"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment,
        )
        self.ended = []
        self.port = None
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            if match := re.search(r"job ([0-9a-f]{32}) (succeeded|failed|cancelled)", line):
                self.ended.append(match.groups())
            if match := re.search(r"is served on .*:(\d+)", line):
                self.port = int(match[1])
                self.ready.set()
        self.ready.set()

    def ask(self, method, path, body=None, kind=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=body, method=method,
            headers={"content-type": kind} if kind else {},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def submit(self, picture, seed):
        boundary = uuid.uuid4().hex
        body = b""
        for name, value in {**FIELDS, "seed": seed}.items():
            body += (f"--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n"
                     f"{value}\r\n").encode()
        body += (f"--{boundary}\r\ncontent-disposition: form-data; name=\"image\"; "
                 f"filename=\"a\"\r\n\r\n").encode()
        body += picture + f"\r\n--{boundary}--\r\n".encode()
        answer = self.ask("POST", "/generate/submit", body,
                          f"multipart/form-data; boundary={boundary}")
        return json.loads(answer)["task_id"]

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait()
        self.reader.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("picture")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--limit", type=float, default=1200, help="seconds in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    deadline = time.monotonic() + options.limit
    with open(options.picture, "rb") as file:
        picture = file.read()
    with tempfile.TemporaryDirectory() as folder:
        model, store = f"{folder}/model", f"{folder}/store"
        subprocess.run([options.program, "model", "init", "--tiny", model], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        accepted = {}
        ends = []
        kills = 0
        while True:
            if time.monotonic() > deadline:
                sys.exit("the time is over")
            server = Server(options.program, model, store, 2 * options.jobs)
            server.ready.wait(120)
            if server.port is None:
                sys.exit("the server does not start")
            killer = None
            if kills < options.kills:
                # Some while jobs come in, some while they are made.
                killer = threading.Timer(moments.uniform(0.05, 4), server.process.kill)
                killer.start()
                kills += 1
            try:
                share = options.jobs * kills // max(1, options.kills)
                while len(accepted) < (share if killer else options.jobs):
                    seed = len(accepted)
                    accepted[server.submit(picture, seed)] = seed
                while killer or any_left(server, accepted):
                    if server.process.poll() is not None:
                        raise ConnectionError
                    if time.monotonic() > deadline:
                        server.end(signal.SIGKILL)
                        sys.exit("the time is over")
                    time.sleep(0.05)
            except (OSError, urllib.error.URLError, ValueError):
                server.process.wait()
                server.reader.join()
                ends += server.ended
                continue
            clips = {id: server.ask("GET", f"/generate/get?task_id={id}")
                     for id in accepted if state(server, id) == "completed"}
            server.end(signal.SIGTERM)
            ends += server.ended
            break
        report(store, accepted, ends, clips, kills)


def state(server, id):
    return json.loads(server.ask("GET", f"/generate/status?task_id={id}"))["status"]


def any_left(server, accepted):
    return any(state(server, id) == "in_progress" for id in accepted)


def report(store, accepted, ends, clips, kills):
    database = sqlite3.connect(f"{store}/jobs.sqlite")
    rows = [(id, state, json.loads(document)) for id, state, document
            in database.execute("SELECT id, state, document FROM job")]
    states = {id: state for id, state, _ in rows}
    problems = []
    for id in accepted:
        if states.get(id) not in ("succeeded", "failed"):
            problems.append(f"{id} is {states.get(id)}")
        if sum(1 for ended, _ in ends if ended == id) > 1:
            problems.append(f"{id} ended more than once")
    for id, state, document in rows:
        message = (document.get("error") or {}).get("message", "")
        if state == "failed" and "ended twice" not in message:
            problems.append(f"{id} failed: {message}")
        if state == "succeeded" and not os.path.exists(document["clip"]["path"]):
            problems.append(f"{id} has no clip")
    folders = set(os.listdir(f"{store}/jobs"))
    problems += [f"nobody owns {name}" for name in folders - set(states)]
    problems += [f"{name} has no files" for name in set(states) - folders]
    for id, _, document in rows:
        names = {os.path.basename(file["path"])
                 for file in (document["picture"], document.get("clip")) if file}
        if set(os.listdir(f"{store}/jobs/{id}")) != names:
            problems.append(f"{id} has other files than its own")
    problems += [f"unfinished: {name}" for name in os.listdir(f"{store}/unfinished")]
    again = sum(1 for _, _, document in rows if document["attempts"] > 1)
    count = {state: list(states.values()).count(state) for state in set(states.values())}
    print(f"{kills} kills; {len(accepted)} jobs were accepted and {len(rows)} are kept: {count}; "
          f"{again} were begun twice; {len(clips)} clips read back")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
