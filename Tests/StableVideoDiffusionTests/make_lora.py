#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 the Zoetrope authors
"""Writes Tests/Fixtures/lora: a LoRA of every layer of the tiny checkpoint's denoiser, as diffusers saves one,
and what the denoiser makes with it under peft (needs diffusers and peft).

  python make_lora.py ../Fixtures/tiny/model ../Fixtures/lora
"""
import json
import os
import sys

import torch
from diffusers import UNetSpatioTemporalConditionModel
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import save_file

SCALE = 0.75
LAYERS = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)
# One of each kind: a matrix over space, one over time, convolutions of 3 by 3, of 1 by 1 and over time.
KEPT = [
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
    "down_blocks.0.attentions.1.temporal_transformer_blocks.0.ff_in.net.0.proj",
    "down_blocks.0.resnets.0.spatial_res_block.conv1",
    "up_blocks.0.resnets.0.spatial_res_block.conv_shortcut",
    "mid_block.resnets.1.temporal_res_block.conv2",
    "time_embedding.linear_2",
    "conv_in",
]


def main(model, folder):
    torch.manual_seed(0)
    unet = UNetSpatioTemporalConditionModel.from_pretrained(model, subfolder="unet", variant="fp16").eval()
    layers = [name for name, module in unet.named_modules() if isinstance(module, LAYERS)]
    config = LoraConfig(
        r=2, lora_alpha=3, target_modules=layers,
        rank_pattern={"conv_in": 3}, alpha_pattern={"conv_in": 6, "attn1.to_q": 1},
    )
    inject_adapter_in_model(config, unet)
    tensors = {}
    for name, value in get_peft_model_state_dict(unet).items():
        tensors[name] = (torch.randn(value.shape) * 0.3).half()
    unet.load_state_dict(
        {n.replace(".weight", ".default.weight"): t.float() for n, t in tensors.items()}, strict=False
    )
    for module in unet.modules():
        if hasattr(module, "set_scale"):
            module.set_scale("default", SCALE)
    settings = {"r": 2, "lora_alpha": 3, "use_dora": False, "use_rslora": False, "bias": "none"}
    settings |= {"rank_pattern": config.rank_pattern, "alpha_pattern": config.alpha_pattern}
    metadata = {"format": "pt", "lora_adapter_metadata": json.dumps({f"unet.{k}": v for k, v in settings.items()})}
    os.makedirs(folder, exist_ok=True)
    save_file({f"unet.{n}": t.contiguous() for n, t in tensors.items()}, folder + "/lora.safetensors", metadata)

    frames, height, width = 3, 4, 6
    sample = torch.randn(frames, height, width, 4)
    image = torch.randn(1, height, width, 4)
    context = torch.randn(1, 32)
    ids = torch.tensor([[6.0, 127.0, 0.02]])
    timestep = torch.tensor(0.4)
    both = torch.cat([sample, image.expand(frames, -1, -1, -1)], -1).permute(0, 3, 1, 2)[None]
    with torch.no_grad():
        output = unet(both, timestep, context[None], added_time_ids=ids).sample
        for module in unet.modules():
            if hasattr(module, "merge"):
                module.merge()
    golden = {
        "sample": sample, "image": image, "context": context, "ids": ids, "timestep": timestep[None],
        "output": output[0].permute(0, 2, 3, 1),
    }
    state = unet.state_dict()
    for name in KEPT:
        golden[name] = state[name + ".base_layer.weight"]
    save_file({n: t.contiguous() for n, t in golden.items()}, folder + "/golden.safetensors")
    print(len(layers), "layers,", len(tensors), "tensors")


main(*sys.argv[1:])
