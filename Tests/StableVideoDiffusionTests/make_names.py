#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes Tests/Fixtures/names/svd-xt.tsv: what each tensor of the published SVD-XT is called in
diffusers' layout and in Stability's single file.

  pip download "diffsynth==1.1.9" --no-deps && unzip diffsynth-*.whl
  python make_names.py diffsynth/models ../Fixtures/names/svd-xt.tsv

Names and sizes on the one side are those of diffusers' models; names on the other side those that
DiffSynth lists of the published file. Both lead to DiffSynth's own names, by which they are paired.
"""
import ast
import sys

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

ATTENTION_DOWN = ["CrossAttnDownBlockSpatioTemporal"] * 3 + ["DownBlockSpatioTemporal"]
ATTENTION_UP = ["UpBlockSpatioTemporal"] + ["CrossAttnUpBlockSpatioTemporal"] * 3


def models():
    with torch.device("meta"):
        return {
            "unet": UNetSpatioTemporalConditionModel(
                block_out_channels=(320, 640, 1280, 1280), down_block_types=ATTENTION_DOWN,
                up_block_types=ATTENTION_UP, cross_attention_dim=1024,
                num_attention_heads=(5, 10, 20, 20),
            ),
            "vae": AutoencoderKLTemporalDecoder(
                block_out_channels=(128, 256, 512, 512),
                down_block_types=["DownEncoderBlock2D"] * 4, layers_per_block=2,
            ),
            "image_encoder": CLIPVisionModelWithProjection(CLIPVisionConfig(
                hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
                num_attention_heads=16, patch_size=14, projection_dim=1024, hidden_act="gelu",
            )),
        }


def converters(path):
    """The classes of a file that convert names, without the rest of the package."""
    space = {"torch": torch}
    tree = ast.parse(open(path).read())
    classes = [node for node in tree.body
               if isinstance(node, ast.ClassDef) and node.name.endswith("StateDictConverter")]
    literals = {}
    for node in classes:
        for function in ast.walk(node):
            if isinstance(function, ast.FunctionDef) and function.name == "from_civitai":
                literals[node.name] = next(
                    ast.literal_eval(item.value) for item in ast.walk(function)
                    if isinstance(item, ast.Assign) and item.targets[0].id == "rename_dict")
    return classes, literals, space


def single_tensor(name, tag):
    """A tensor that can be recognised in whatever a converter makes of it."""
    if ".in_proj_" in name:
        return torch.tensor([tag, tag + 0.25, tag + 0.5], dtype=torch.float64)
    rank = 2 if name.endswith((".proj", ".positional_embedding")) else 1
    return torch.full([1] * rank, float(tag), dtype=torch.float64)


def pairs(folder, state, files):
    """(diffusers' name, the file's name, third or "-") of a component's tensors."""
    ours = list(state)
    for file, base in files:
        classes, literals, space = converters(f"{folder}/{file}.py")
        if base:
            bases, _, _ = converters(f"{folder}/{base}.py")
            classes = bases + classes
        exec(compile(ast.Module(classes, []), file, "exec"), space)
        name, theirs = next((name, list(table)) for name, table in literals.items()
                            if name.startswith("SVD"))
        converter = space[name]()
        tags = {n: torch.full([1], float(i), dtype=torch.float64) for i, n in enumerate(ours)}
        left = {n: ours[int(t.flatten()[0])] for n, t in converter.from_diffusers(tags).items()}
        right = converter.from_civitai({n: single_tensor(n, i) for i, n in enumerate(theirs)})
        assert left.keys() == right.keys(), (left.keys() ^ right.keys())
        for inner, tensor in right.items():
            tag = float(tensor.flatten()[0])
            name = theirs[int(tag)]
            yield left[inner], name, str(int(tag % 1 * 4)) if ".in_proj_" in name else "-"


FILES = {
    "unet": [("svd_unet", None)],
    "vae": [("svd_vae_encoder", "sd_vae_encoder"), ("svd_vae_decoder", None)],
    "image_encoder": [("svd_image_encoder", None)],
}

# Written once, as one letter everywhere else.
PREFIXES = {
    "D": "model.diffusion_model",
    "F": "first_stage_model",
    "E": "conditioner.embedders.3.encoder",
    "V": "conditioner.embedders.0.open_clip.model.visual",
}


def main(folder, output):
    lines = [f"{letter}\t{prefix}" for letter, prefix in PREFIXES.items()]
    for component, model in models().items():
        state = {name: list(p.shape) for name, p in model.state_dict().items()
                 if not name.endswith("position_ids")}
        found = list(pairs(folder, state, FILES[component]))
        assert sorted(f[0] for f in found) == sorted(state), component
        assert len(found) == len(state)
        for ours, theirs, third in sorted(found):
            letter = next(l for l, prefix in PREFIXES.items() if theirs.startswith(prefix + "."))
            theirs = letter + theirs[len(PREFIXES[letter]):]
            lines.append("\t".join([component, ours, theirs, third, "x".join(map(str, state[ours]))]))
    with open(output, "w") as file:
        file.write("\n".join(lines) + "\n")
    print(len(lines) - len(PREFIXES), "names")


if __name__ == "__main__":
    main(*sys.argv[1:])
