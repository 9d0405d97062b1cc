# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Crowds at a server, twice, and what that does to it, as one JSON object; memory in kilobytes.

usage: crowd.py PORT PROCESS CONNECTIONS
"""

import http.client
import json
import os
import resource
import socket
import sys
import time

port, process, count = (int(argument) for argument in sys.argv[1:])
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def descriptors():
    return len(os.listdir(f"/proc/{process}/fd"))


def memory():
    with open(f"/proc/{process}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def wait(condition):
    """Waits until it holds; whoever reads the result sees if it never does."""
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)


def ask():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/livez")
    status = connection.getresponse().status
    connection.close()
    return status


def crowd():
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    slow = connections[::2]
    for connection in slow:
        connection.sendall(b"POST /generate HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    wait(lambda: descriptors() >= count)
    answers = []
    for _ in range(4):
        for connection in slow:
            connection.sendall(b"a")
        answers.append(ask())
    seen = {"answers": answers, "open": descriptors() - before[0], "during": memory()}
    for connection in connections:
        connection.close()
    wait(lambda: descriptors() <= before[0] + 4)
    wait(lambda: memory() < before[1] + (40 << 10))
    return seen | {"left": descriptors() - before[0], "after": memory()}


ask()
time.sleep(1)
before = (descriptors(), memory())
print(json.dumps({"before": before[1], "rounds": [crowd(), crowd()]}))
