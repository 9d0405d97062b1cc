# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes the pipeline in diffusers' layout, and what the next run resumes from."""

import copy
import io
import json
import tarfile
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import CLIPImageProcessor

from diffusers import StableVideoDiffusionPipeline
from models import CLIP_MEAN, CLIP_STD, restore, scheduler

FEATURE_EXTRACTOR = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": list(CLIP_MEAN),
    "image_processor_type": "CLIPImageProcessor",
    "image_std": list(CLIP_STD),
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}


def pipeline(vae, unet, clip_model):
    """diffusers' pipeline around the three networks."""
    extractor = CLIPImageProcessor(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224})
    return StableVideoDiffusionPipeline(vae=vae, image_encoder=clip_model, unet=unet, scheduler=scheduler(), feature_extractor=extractor)


def save(folder, vae, unet, clip_model):
    """Writes the checkpoint in half precision."""
    halves = [restore(copy.deepcopy(m)).to("cpu").to(memory_format=torch.contiguous_format).half() for m in (vae, unet, clip_model)]
    pipeline(*halves).save_pretrained(folder, safe_serialization=True)
    index = Path(folder, "model_index.json")
    names = json.loads(index.read_text()) | {"feature_extractor": ["transformers", "CLIPImageProcessor"]}
    index.write_text(json.dumps(names, indent=2) + "\n")
    # One name whatever backend the image processor has here.
    Path(folder, "feature_extractor", "preprocessor_config.json").write_text(json.dumps(FEATURE_EXTRACTOR, indent=2) + "\n")


def write_parts(path, data, size=16_000_000):
    """Writes bytes as PATH.00, PATH.01 and so on."""
    for old in Path(path).parent.glob(Path(path).name + ".??"):
        old.unlink()
    for part in range(0, len(data), size):
        Path(f"{path}.{part // size:02d}").write_bytes(data[part : part + size])


def read_parts(path):
    return b"".join(p.read_bytes() for p in sorted(Path(path).parent.glob(Path(path).name + ".??")))


def pack(out, vae, unet, clip_model, state):
    """Writes OUT/checkpoint.tar.NN, the pipeline, and OUT/state.pt.NN, what resuming needs beside it."""
    with tempfile.TemporaryDirectory() as folder:
        save(folder, vae, unet, clip_model)
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            archive.add(folder, ".")
    write_parts(Path(out, "checkpoint.tar"), data.getvalue())
    data = io.BytesIO()
    torch.save(state, data)
    write_parts(Path(out, "state.pt"), data.getvalue())


def unpack(folder, vae, unet, clip_model):
    """Loads what `pack` wrote into the networks; returns the state."""
    with tempfile.TemporaryDirectory() as place:
        with tarfile.open(fileobj=io.BytesIO(read_parts(Path(folder, "checkpoint.tar")))) as archive:
            archive.extractall(place, filter="data")
        for model, name in ((vae, "vae/diffusion_pytorch_model"), (unet, "unet/diffusion_pytorch_model"), (clip_model, "image_encoder/model")):
            weights = load_file(Path(place, name + ".safetensors"))
            model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=model is not clip_model)
    state = torch.load(io.BytesIO(read_parts(Path(folder, "state.pt"))), map_location="cpu", weights_only=True)
    vae.register_to_config(scaling_factor=state["scaling_factor"])
    return state
