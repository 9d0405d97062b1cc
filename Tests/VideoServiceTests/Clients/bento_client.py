# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""What BentoML's own client sees of a server, as one JSON object.

usage: bento_client.py KIND URL PICTURE TIMEOUT, KIND being sync, async, refused, tasks, urllib, openapi or metrics
"""

import asyncio
import json
import sys
from pathlib import Path

import bentoml

kind, url, picture, timeout = sys.argv[1], sys.argv[2], Path(sys.argv[3]), float(sys.argv[4])


def file_seen(path):
    return {"type": type(path).__name__, "name": path.name, "bytes": path.stat().st_size}


def with_sync_client():
    with bentoml.SyncHTTPClient(url, timeout=timeout, server_ready_timeout=30) as client:
        clip = client.generate(decode_chunk_size=2, image=picture, seed=None)
        return {"ready": client.is_ready(), "clip": file_seen(clip)}


async def with_async_client():
    async with bentoml.AsyncHTTPClient(url, timeout=timeout, server_ready_timeout=30) as client:
        clip = await client.generate(image=picture, decode_chunk_size=2, seed=7)
        return {"ready": await client.is_ready(), "clip": file_seen(clip)}


def refused():
    seen = []
    with bentoml.SyncHTTPClient(url, timeout=timeout, server_ready_timeout=30) as client:
        for arguments in (
            {"image": picture, "seed": "abc"},
            {"image": picture, "decode_chunk_size": 0},
            {"image": "http://127.0.0.1:9/x.png"},
        ):
            try:
                client.generate(**arguments)
                seen.append(None)
            except bentoml.exceptions.BentoMLException as error:
                seen.append(
                    {"type": type(error).__name__, "code": int(error.error_code), "text": str(error)}
                )
    return {"errors": seen}


async def with_tasks():
    seen = {}
    async with bentoml.AsyncHTTPClient(url, timeout=timeout) as client:
        task = await client.generate.submit(image=picture, seed=1)
        seen["first"] = (await task.get_status()).value
        while (await task.get_status()).value == "in_progress":
            await asyncio.sleep(0.05)
        seen["then"] = (await task.get_status()).value
        seen["clip"] = file_seen(await task.get())
        again = await task.retry()
        while (await again.get_status()).value == "in_progress":
            await asyncio.sleep(0.05)
        seen["again"] = file_seen(await again.get())
        hopeless = await client.generate.submit(image=picture, seed=13)
        await hopeless.cancel()
        seen["cancelled"] = (await hopeless.get_status()).value
        try:
            await hopeless.get()
        except bentoml.exceptions.BentoMLException as error:
            seen["error"] = {"type": type(error).__name__, "code": int(error.error_code)}
    return seen


def validated():
    from openapi_spec_validator import validate
    from urllib.request import urlopen

    with urlopen(url + "/docs.json") as answer:
        validate(json.load(answer))
    return {"valid": True}


def with_standard_library():
    from urllib.request import Request, urlopen

    head = b'--XBX\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    request = Request(
        url + "/generate",
        head + picture.read_bytes() + b"\r\n--XBX--\r\n",
        {"Content-Type": "multipart/form-data; boundary=XBX"},
    )
    with urlopen(request, timeout=timeout) as answer:
        return {"status": answer.status, "bytes": len(answer.read())}


def parsed_metrics():
    from prometheus_client.parser import text_string_to_metric_families
    from urllib.request import urlopen

    with urlopen(url + "/metrics") as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {family.name: family.type for family in families}


match kind:
    case "sync":
        result = with_sync_client()
    case "async":
        result = asyncio.run(with_async_client())
    case "tasks":
        result = asyncio.run(with_tasks())
    case "refused":
        result = refused()
    case "openapi":
        result = validated()
    case "urllib":
        result = with_standard_library()
    case "metrics":
        result = parsed_metrics()
    case _:
        sys.exit(__doc__)
print(json.dumps(result))
