# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Builds a Bento of a folder, serves it, and asks it for a clip as the tutorial does.

usage: serve_bento.py FOLDER PICTURE CLIP
"""

import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

folder, picture, clip = sys.argv[1:]
bentoml = [sys.executable, "-m", "bentoml"]
built = subprocess.run(
    [*bentoml, "build", "--version", "1.0", "-o", "tag"],
    # It takes no files from outside the folder that it runs in.
    cwd=folder,
    capture_output=True,
    text=True,
)
if built.returncode:
    sys.exit(built.stdout + built.stderr)
tag = built.stdout.strip().splitlines()[-1].removeprefix("__tag__:")
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
server = subprocess.Popen([*bentoml, "serve", tag, "--host", "127.0.0.1", "--port", str(port)])
address = f"http://127.0.0.1:{port}"
try:
    for _ in range(600):
        try:
            with urlopen(address + "/readyz") as answer:
                if answer.status == 200:
                    break
        except URLError:
            pass
        if server.poll() is not None:
            sys.exit("the server ended")
        time.sleep(0.2)
    fields = ["decode_chunk_size=2", "seed=null", "width=96", "height=64", "num_inference_steps=2"]
    status = subprocess.run(
        ["curl", "-sS", "-X", "POST", address + "/generate", "-H", "accept: video/*"]
        + ["-H", "Content-Type: multipart/form-data", "-F", f"image=@{picture};type=image/png"]
        + [part for field in fields for part in ("-F", field)]
        + ["-o", clip, "-w", "%{http_code}"],
        capture_output=True,
        text=True,
    )
    if status.stdout != "200":
        sys.exit(f"status {status.stdout} {status.stderr} {open(clip).read(500)}")
finally:
    server.terminate()
    server.wait(60)
