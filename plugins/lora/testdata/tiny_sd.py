# Makes a Stable Diffusion of random numbers in the folder that it is given, for TestEngines: small for diffusers, with "whole" as wide as
# SD 1.5, whose shape kohya's scripts take for granted.
import json
import os
import sys

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

out, whole = sys.argv[1], "whole" in sys.argv[2:]
torch.manual_seed(0)


def tokenizer():
    """A token for each byte, and for each byte that ends a word, as CLIP's has them first."""
    plain = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    letters = [chr(b) for b in plain] + [chr(256 + n) for n in range(256 - len(plain))]
    words = letters + [c + "</w>" for c in letters] + ["<|startoftext|>", "<|endoftext|>"]
    where = os.path.join(out, "tokenizer")
    os.makedirs(where)
    with open(os.path.join(where, "vocab.json"), "w") as f:
        json.dump({w: i for i, w in enumerate(words)}, f)
    with open(os.path.join(where, "merges.txt"), "w") as f:
        f.write("#version: 0.2\n")
    made = CLIPTokenizer(os.path.join(where, "vocab.json"), os.path.join(where, "merges.txt"), model_max_length=77)
    made.save_pretrained(where)
    return made


wide = 32
unet = UNet2DConditionModel(
    sample_size=64 if whole else 8, cross_attention_dim=wide, layers_per_block=2 if whole else 1,
    block_out_channels=(320, 640, 1280, 1280) if whole else (32, 64), norm_num_groups=32, attention_head_dim=8,
    down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",) if whole else ("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3 if whole else ("CrossAttnUpBlock2D", "UpBlock2D"),
)
vae = AutoencoderKL(block_out_channels=(32,) * 4, norm_num_groups=32, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4)
words = tokenizer()
text = CLIPTextModel(CLIPTextConfig(
    vocab_size=len(words), hidden_size=wide, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
))
beta = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
pipe = StableDiffusionPipeline(vae, text, words, unet, DDIMScheduler(**beta), None, None, requires_safety_checker=False)
pipe.to(torch.float16 if whole else torch.float32).save_pretrained(out)
