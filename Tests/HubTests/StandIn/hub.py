# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""A Hub that is no more than tests need: a folder OWNER/NAME for each model, served as the Hub serves.

Large files are redirected to signed addresses on a second port, small ones to another path of the
first. What goes wrong is told by rules (see `Rules`); what was asked is kept in a log.

    hub.py FOLDER    prints the addresses of both ports, then serves until standard input ends
"""

import hashlib
import hmac
import json
import os
import pathlib
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = (".safetensors", ".bin", ".ckpt")
SECRET = b"stand-in"


class Rules:
    """What goes wrong: a list of objects, of which the first that fits a request is applied.

    on      "hub" or "files", the port; any if it is missing
    path    a regular expression that the path must hold
    skip    how many requests that fit are let through first
    times   how many are then treated so; all if it is missing
    do      "status" (with `status`, `headers`), "cut" or "stall" (after `bytes` of the body),
            "damage" (a byte is another), "whole" (the range is not heeded), "slow" (`rate` in bytes
            a second)
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.rules = []
        self.log = []
        self.epoch = 0

    def set(self, rules):
        with self.lock:
            self.rules = [dict(rule, seen=0) for rule in rules]
            self.epoch += 1

    def find(self, port, path):
        with self.lock:
            for rule in self.rules:
                if rule.get("on", port) != port or not re.search(rule.get("path", ""), path):
                    continue
                rule["seen"] += 1
                over = rule["seen"] - rule.get("skip", 0)
                if 0 < over <= rule.get("times", 1 << 30):
                    return rule
        return {}


class Repository:
    def __init__(self, folder, name):
        self.name = name
        self.files = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            data = path.read_bytes()
            inner = path.relative_to(folder).as_posix()
            sha256 = hashlib.sha256(data).hexdigest() if inner.endswith(LARGE) else None
            stored = data
            if sha256:
                stored = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(data)}\n".encode()
            blob = hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()
            self.files[inner] = {"path": path, "size": len(data), "oid": blob, "sha256": sha256}
        listing = "".join(f"{name}{f['oid']}" for name, f in self.files.items())
        self.commit = hashlib.sha1((name + listing).encode()).hexdigest()
        self.gated = name.startswith("gated/")
        self.hidden = name.startswith("private/")

    def tree(self):
        folders = {str(p) for f in self.files for p in pathlib.PurePosixPath(f).parents} - {"."}
        entries = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": p} for p in folders]
        for name, file in self.files.items():
            entry = {"type": "file", "oid": file["oid"], "size": file["size"], "path": name}
            if file["sha256"]:
                entry["lfs"] = {"oid": file["sha256"], "size": file["size"], "pointerSize": 134}
            entries.append(entry)
        return sorted(entries, key=lambda entry: entry["path"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    port = "hub"
    wbufsize = 1 << 16

    def log_message(self, *arguments):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_CONNECT(self):
        # As a proxy it leads nowhere but to itself, on the same connection.
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/stand-in/rules":
            RULES.set(json.loads(body))
        if self.path == "/stand-in/forget":
            RULES.log.clear()
        self.reply(200, b"")

    def do_GET(self):
        if self.path == "/stand-in/log":
            return self.reply(200, json.dumps(RULES.log).encode())
        self.entry = {
            "port": self.port,
            "method": self.command,
            "path": urllib.parse.urlsplit(self.path).path,
            "range": self.headers.get("range"),
            "token": self.headers.get("authorization"),
            "state": "begun",
        }
        RULES.log.append(self.entry)
        rule = RULES.find(self.port, self.path)
        if rule.get("do") == "status":
            return self.reply(rule["status"], b"no", rule.get("headers", {}))
        try:
            self.answer(rule)
            self.entry["state"] = "done"
        except (ConnectionError, TimeoutError):
            self.entry["state"] = "gone"
            self.close_connection = True

    def reply(self, status, body, headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def give(self, file, rule, headers={}):
        size = file["size"]
        start, end = 0, size
        status = 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range") or "")
        if wanted and rule.get("do") != "whole":
            start = int(wanted[1])
            end = min(int(wanted[2]) + 1 if wanted[2] else size, size)
            status = 206
            if start >= size:
                return self.reply(416, b"", {"content-range": f"bytes */{size}"})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status == 206:
            self.send_header("content-range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("accept-ranges", "bytes")
        self.send_header("content-length", str(end - start))
        self.end_headers()
        self.wfile.flush()
        if self.command == "HEAD":
            return
        with file["path"].open("rb") as source:
            act = rule.get("do")
            limit = min(start + rule["bytes"], end) if act in ("cut", "stall") else end
            if act in ("cut", "stall") and limit == end:
                act = None
            if act == "damage":
                data = bytearray(os.pread(source.fileno(), end - start, start))
                data[len(data) // 2] ^= 1
                return self.connection.sendall(data)
            while start < limit:
                step = min(limit - start, rule["rate"] // 50 if act == "slow" else 1 << 20)
                if act == "slow":
                    threading.Event().wait(0.02)
                sent = os.sendfile(self.connection.fileno(), source.fileno(), start, step)
                if sent == 0:
                    raise ConnectionError
                start += sent
        if act == "stall":
            # Silent until the other side goes away or the rules change.
            self.entry["state"] = "stalled"
            epoch = RULES.epoch
            self.connection.settimeout(0.02)
            while RULES.epoch == epoch:
                try:
                    if not self.connection.recv(1):
                        break
                except TimeoutError:
                    pass
            raise ConnectionError
        if act == "cut":
            raise ConnectionError


class HubHandler(Handler):
    def answer(self, rule):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        found = re.match(r"/api/models/([^/]+/[^/]+)(/.*)?$", path)
        if found:
            return self.about(found[1], found[2] or "/revision/main")
        found = re.match(r"/(?:api/resolve-cache/models/)?([^/]+/[^/]+)/(?:resolve/)?([^/]+)/(.+)$", path)
        if not found:
            return self.fail(404, "EntryNotFound", "Entry not found")
        repository = self.repository(found[1])
        if repository is None:
            return
        file = repository.files.get(found[3])
        if found[2] not in ("main", repository.commit):
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {found[2]}")
        if file is None:
            return self.fail(404, "EntryNotFound", f"{found[3]} does not exist")
        headers = {"x-repo-commit": repository.commit}
        if file["sha256"]:
            signature = hmac.new(SECRET, file["sha256"].encode(), "sha256").hexdigest()
            headers["x-linked-etag"] = f'"{file["sha256"]}"'
            headers["x-linked-size"] = str(file["size"])
            headers["location"] = f"{FILES}/{file['sha256']}?Signature={signature}&Expires=4102444800"
            return self.reply(302, b"", headers)
        headers["etag"] = f'"{file["oid"]}"'
        if path.startswith("/api/"):
            return self.give(file, rule, headers)
        place = f"/api/resolve-cache/models/{repository.name}/{repository.commit}/{found[3]}"
        self.reply(307, b"", headers | {"location": urllib.parse.quote(place)})

    def repository(self, name):
        token = self.headers.get("authorization")
        repository = REPOSITORIES.get(name)
        if token not in (None, "Bearer hf_right", "Bearer hf_stranger"):
            return self.fail(401, "", "Invalid credentials in Authorization header")
        if repository is None or repository.hidden and token != "Bearer hf_right":
            status = 404 if token else 401
            return self.fail(status, "RepoNotFound", "Repository not found")
        # What a gated model has anyone may know.
        if repository.gated and token != "Bearer hf_right" and not self.path.startswith("/api/models"):
            status = 403 if token else 401
            return self.fail(status, "GatedRepo", f"Access to model {name} is restricted")
        return repository

    def about(self, name, what):
        repository = self.repository(name)
        if repository is None:
            return
        kind, revision = what[1:].split("/", 1)
        if revision not in ("main", "refs/pr/1", repository.commit):
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if kind == "revision":
            siblings = [{"rfilename": file} for file in repository.files]
            about = {"id": name, "sha": repository.commit, "siblings": siblings, "tags": []}
            about |= {"private": repository.hidden, "gated": repository.gated, "downloads": 0}
            return self.reply(200, json.dumps(about).encode(), {"content-type": "application/json"})
        # Pages of ten, so that every listing has several.
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        first = int(query.get("cursor", ["0"])[0])
        entries = repository.tree()
        headers = {"content-type": "application/json"}
        if first + 10 < len(entries):
            address = f"{HUB}/api/models/{name}/tree/{revision}?recursive=true&cursor={first + 10}"
            headers["link"] = f'<{address}>; rel="next"'
        self.reply(200, json.dumps(entries[first : first + 10]).encode(), headers)

    def fail(self, status, code, message):
        headers = {"x-error-message": message}
        if code:
            headers["x-error-code"] = code
        self.reply(status, json.dumps({"error": message}).encode(), headers)


class FilesHandler(Handler):
    port = "files"

    def answer(self, rule):
        url = urllib.parse.urlsplit(self.path)
        name = url.path.strip("/")
        signature = urllib.parse.parse_qs(url.query).get("Signature", [""])[0]
        if signature != hmac.new(SECRET, name.encode(), "sha256").hexdigest():
            return self.reply(403, b"not signed")
        for repository in REPOSITORIES.values():
            for file in repository.files.values():
                if file["sha256"] == name:
                    return self.give(file, rule, {"etag": f'"{name[:32]}"'})
        self.reply(404, b"")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, address):
        pass


root = pathlib.Path(sys.argv[1])
RULES = Rules()
REPOSITORIES = {
    name: Repository(folder, name)
    for folder in sorted(root.glob("*/*"))
    for name in [folder.relative_to(root).as_posix()]
}
hub = Server(("127.0.0.1", 0), HubHandler)
files = Server(("127.0.0.1", 0), FilesHandler)
HUB = f"http://127.0.0.1:{hub.server_address[1]}"
FILES = f"http://127.0.0.1:{files.server_address[1]}"
for server in (hub, files):
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(HUB, FILES, "ready", flush=True)
sys.stdin.read()
