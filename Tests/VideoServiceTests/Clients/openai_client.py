# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""What OpenAI's own client sees of a server, as one JSON object.

usage: openai_client.py KIND URL PICTURE KEY, KIND being whole, pages, refused, async or cancel
"""

import asyncio
import hashlib
import json
import sys
import warnings
from pathlib import Path

import openai
from openai.types import Video

# It calls the whole API deprecated since the hosted service is going away.
warnings.filterwarnings("ignore", category=DeprecationWarning)

kind, url, picture, key = sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4]
client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
asked = {"prompt": "a boat at sea", "model": "sora-2", "size": "1024x576"}


def content_seen(content):
    data = content.read()
    return {"bytes": len(data), "start": data[:12].hex(), "hash": hashlib.sha256(data).hexdigest()}


def whole():
    video = client.videos.create_and_poll(
        **asked,
        input_reference=picture,
        seconds="4",
        poll_interval_ms=20,
        extra_body={"seed": 7, "fps": 6},
    )
    seen = {"made": video.to_dict()}
    seen["again"] = client.videos.retrieve(video.id).to_dict() == video.to_dict()
    for variant in ("video", "thumbnail", "spritesheet"):
        seen[variant] = content_seen(client.videos.download_content(video.id, variant=variant))
    seen["default"] = content_seen(client.videos.download_content(video.id))
    seen["listed"] = [each.id == video.id for each in client.videos.list()]
    seen["deleted"] = client.videos.delete(video.id).to_dict()
    seen["deleted"]["id"] = seen["deleted"]["id"] == video.id
    seen["left"] = len(client.videos.list().data)
    return seen


def pages():
    made = [
        client.videos.create_and_poll(**asked, input_reference=picture, poll_interval_ms=20).id
        for _ in range(5)
    ]
    newest = [video.id for video in client.videos.list(limit=2)]
    oldest = [video.id for video in client.videos.list(limit=2, order="asc")]
    first = client.videos.list(limit=2)
    rest = client.videos.list(limit=3, after=first.last_id)
    return {
        "newest": newest == made[::-1],
        "oldest": oldest == made,
        "sizes": [len(first.data), len(rest.data)],
        "more": [first.has_more, rest.has_more],
    }


def refused():
    stranger = openai.OpenAI(base_url=url + "/v1", api_key="wrong", max_retries=0)
    with_picture = {**asked, "input_reference": picture}
    seen = []
    for attempt in (
        lambda: client.videos.create(**asked),
        lambda: client.videos.create(**{**with_picture, "size": "wide"}),
        lambda: client.videos.create(**with_picture, seconds="1000"),
        lambda: client.videos.retrieve("video_" + 32 * "0"),
        lambda: client.videos.retrieve("0" * 32),
        lambda: client.videos.delete("video_x"),
        lambda: client.videos.list(limit=0),
        lambda: client.videos.remix("video_x", prompt="more"),
        lambda: stranger.videos.create(**with_picture),
    ):
        try:
            attempt()
            seen.append(None)
        except openai.APIStatusError as error:
            body = error.body if isinstance(error.body, dict) else {}
            seen.append(
                {
                    "exception": type(error).__name__,
                    "status": error.status_code,
                    **{name: body.get(name) for name in ("message", "type", "param", "code")},
                }
            )
    return {"errors": seen}


async def with_async_client():
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key=key) as client:
        with picture.open("rb") as file:
            video = await client.videos.create_and_poll(
                prompt="x", input_reference=file, poll_interval_ms=20
            )
        content = await client.videos.download_content(video.id)
        return {"status": video.status, "bytes": len(await content.aread())}


def cancelled():
    video = client.videos.create(**asked, input_reference=picture)
    try:
        client.videos.download_content(video.id)
    except openai.BadRequestError as error:
        early = error.body["message"]
    ended = client.post(f"/videos/{video.id}/cancel", cast_to=Video)
    return {
        "early": early,
        "before": video.status,
        "after": ended.status,
        "code": ended.error.code,
        "polled": client.videos.poll(video.id).status,
    }


match kind:
    case "whole":
        result = whole()
    case "pages":
        result = pages()
    case "refused":
        result = refused()
    case "async":
        result = asyncio.run(with_async_client())
    case "cancel":
        result = cancelled()
    case _:
        sys.exit(__doc__)
print(json.dumps(result))
