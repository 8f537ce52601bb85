"""Keeps of a checkpoint of F5-TTS what speaks, as safetensors: prune.py CHECKPOINT OUT"""
import sys

import torch
from safetensors.torch import save_file

weights = torch.load(sys.argv[1], map_location="cpu", weights_only=True)["ema_model_state_dict"]
save_file({k: v.contiguous() for k, v in weights.items() if k not in ("initted", "update", "step")}, sys.argv[2])
