# Makes a Stable Diffusion 1.5 of random numbers for TestRealCheckpoint, with few channels and a tiny VAE, among the models of the ComfyUI whose folder is
# named: tiny_checkpoint.safetensors. Run it with the Python of that ComfyUI.
import math
import os
import sys

import torch
from safetensors.torch import save_file

folder = os.path.abspath(sys.argv[1])
sys.path.insert(0, folder)
sys.argv = sys.argv[:1] + ["--cpu"]
import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()
import comfy.ops  # noqa: E402
import comfy.sd1_clip  # noqa: E402
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel  # noqa: E402
from comfy.taesd.taesd import TAESD  # noqa: E402


def filled(module):  # what comes out of it stays finite
    for name, p in module.named_parameters():
        if p.dim() < 2:
            p.data.fill_(1.0 if name.endswith("weight") else 0.0)
        else:
            p.data.normal_(0, 0.02 if "embedding" in name else 0.7 / math.sqrt(p[0].numel()))
    return {k: v.half().contiguous() for k, v in module.state_dict().items()}


torch.manual_seed(0)
painter = UNetModel(image_size=32, in_channels=4, out_channels=4, model_channels=320, num_head_channels=-1, num_heads=8, use_spatial_transformer=True, legacy=False,
                    num_res_blocks=[1] * 4, channel_mult=[1] * 4, transformer_depth=[0, 0, 0, 1], transformer_depth_middle=1, transformer_depth_output=[1, 1] + [0] * 6,
                    context_dim=768, dtype=torch.float32, device="cpu", operations=comfy.ops.disable_weight_init)
reader = comfy.sd1_clip.SDClipModel(dtype=torch.float32).transformer
model = {"model.diffusion_model." + k: v for k, v in filled(painter).items()}
model |= {"first_stage_model." + k: v for k, v in filled(TAESD()).items()}
model |= {"cond_stage_model.transformer." + k: v for k, v in filled(reader).items() if k != "text_projection.weight"}
save_file(model, os.path.join(folder, "models", "checkpoints", "tiny_checkpoint.safetensors"))
