#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""What a request costs our server and BentoML's, in turns, as a Markdown table.

usage: compare_serving.py SERVING BENTOML [ROUNDS]

SERVING is our benchmark program, BENTOML the command `bentoml`; wrk makes the load. Processor time is that of all
processes of a server, user and system; memory is their proportional share (PSS).
"""

import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECONDS = 5
CONNECTIONS = 4
LOADS = {
    "JSON": ("/add", "application/json", b'{"a": 20, "b": 22}', b'{"sum":42}'),
    "1 MB in and out": (
        "/copy",
        "multipart/form-data; boundary=XBX",
        b'--XBX\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
        + (DATA := os.urandom(1 << 20))
        + b"\r\n--XBX--\r\n",
        DATA,
    ),
}


def tree(root):
    """The process and all that descend from it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parent = int(Path(f"/proc/{entry}/stat").read_text().rsplit(")")[-1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def processor_seconds(root):
    ticks = 0
    for process in tree(root):
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def megabytes(root):
    total = 0
    for process in tree(root):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total / 1024


def ask(port, method, path, body=None, headers={}):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Server:
    def __init__(self, command, port, folder):
        environment = os.environ | {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": folder}
        start = time.monotonic()
        self.log = open(f"{folder}/log", "wb")
        self.process = subprocess.Popen(
            command, env=environment, cwd=HERE, stdout=self.log, stderr=self.log
        )
        self.port = port
        while True:
            try:
                if ask(port, "GET", "/readyz")[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - start > 60:
                sys.exit(f"{command[0]} did not start:\n{Path(folder, 'log').read_text()}")
            time.sleep(0.005)
        self.ready = time.monotonic() - start
        self.start_cost = processor_seconds(self.process.pid)

    def milliseconds(self, load, folder):
        """Processor time for a request."""
        path, content_type, body, expected = LOADS[load]
        status, answer = ask(self.port, "POST", path, body, {"Content-Type": content_type})
        if status != 200 or answer.replace(b" ", b"") != expected.replace(b" ", b""):
            sys.exit(f"{load}: {status} {answer[:200]}")
        Path(folder, "body").write_bytes(body)
        script = Path(folder, "load.lua")
        script.write_text(
            f'wrk.method = "POST"\nwrk.path = "{path}"\nwrk.headers["Content-Type"] = "{content_type}"\n'
            f'local f = io.open("{folder}/body", "rb")\nwrk.body = f:read("*a")\nf:close()\n'
        )
        before = processor_seconds(self.process.pid)
        output = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script]
            + [f"http://127.0.0.1:{self.port}{path}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        if "Non-2xx" in output or "Socket errors" in output:
            sys.exit(output)
        count = int(re.search(r"(\d+) requests in", output)[1])
        return (processor_seconds(self.process.pid) - before) * 1000 / count

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.log.close()


def measure(command, port, seen):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(command, port, folder)
        try:
            seen["ready, s"].append(server.ready)
            seen["start, CPU s"].append(server.start_cost)
            time.sleep(2)
            seen["idle, MB"].append(megabytes(server.process.pid))
            for load in LOADS:
                seen[f"{load}, CPU ms"].append(server.milliseconds(load, folder))
            time.sleep(2)
            seen["idle after that, MB"].append(megabytes(server.process.pid))
        finally:
            server.stop()


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    ours, bentoml = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    rows = ["ready, s", "start, CPU s", "idle, MB"] + [f"{load}, CPU ms" for load in LOADS]
    seen = [{row: [] for row in rows + ["idle after that, MB"]} for _ in range(2)]
    for _ in range(rounds):
        measure([ours, "3971"], 3971, seen[0])
        measure([bentoml, "serve", "bento_service:Benchmark", "--port", "3972"], 3972, seen[1])
    print(f"load average {os.getloadavg()[0]:.1f}, {rounds} rounds\n")
    print("| | Serving | BentoML | ratio |\n| --- | --- | --- | --- |")
    for row in seen[0]:
        cells = [side[row] for side in seen]
        medians = [statistics.median(values) for values in cells]
        texts = [
            f"{median:.3g} ({min(values):.3g}–{max(values):.3g})"
            for median, values in zip(medians, cells)
        ]
        print(f"| {row} | {texts[0]} | {texts[1]} | {medians[1] / max(medians[0], 1e-9):.1f} |")


main()
