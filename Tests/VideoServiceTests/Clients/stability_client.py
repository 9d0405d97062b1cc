# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""A client for Stability AI's hosted image-to-video API, as people wrote them: only the host differs.

usage: stability_client.py HOST PICTURE KEY ACCEPT; prints what it saw as one JSON object
"""

import base64
import hashlib
import json
import sys
import time

import requests

host, picture, key, accept = sys.argv[1:]
authorization = {"authorization": f"Bearer {key}"}

with open(picture, "rb") as image:
    response = requests.post(
        f"{host}/v2beta/image-to-video",
        headers=authorization,
        files={"image": image},
        data={"seed": 7, "cfg_scale": 1.8, "motion_bucket_id": 127},
    )
if response.status_code != 200:
    print(json.dumps({"status": response.status_code, "error": response.json()}))
    sys.exit()

generation_id = response.json()["id"]
waited = None
while True:
    response = requests.get(
        f"{host}/v2beta/image-to-video/result/{generation_id}",
        headers={**authorization, "accept": accept},
    )
    if response.status_code == 202:
        waited = response.json()
        waited["id"] = waited["id"] == generation_id
        time.sleep(0.05)
    elif response.status_code == 200:
        break
    else:
        print(json.dumps({"status": response.status_code, "error": response.json()}))
        sys.exit()

if accept == "application/json":
    body = response.json()
    video = base64.b64decode(body.pop("video"))
else:
    body = {"finish_reason": response.headers["finish-reason"], "seed": response.headers["seed"]}
    video = response.content

unknown = requests.get(
    f"{host}/v2beta/image-to-video/result/{64 * '0'}", headers={**authorization, "accept": accept}
)
print(
    json.dumps(
        {
            "type": response.headers["content-type"],
            "waited": waited,
            "body": body,
            "bytes": len(video),
            "hash": hashlib.sha256(video).hexdigest(),
            "unknown": [unknown.status_code, unknown.json()["name"], unknown.json()["errors"]],
        }
    )
)
