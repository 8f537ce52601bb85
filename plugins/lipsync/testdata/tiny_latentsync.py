# Makes models of random numbers for LatentSync in the folder of its source, for TestRealEngines, run there with the Python of its environment:
# python tiny_latentsync.py FOLDER STAND. In STAND it leaves a program `python`, which runs LatentSync on the CPU with a stand-in for the finding
# of faces: a picture has one in its middle, unless it is of one colour; and tiny.yaml, a configuration for
# args = ["--unet_config_path", "STAND/tiny.yaml", "--inference_steps", "2"].
import os
import sys

import torch
from diffusers import AutoencoderKL
from omegaconf import OmegaConf

source, stand = map(os.path.abspath, sys.argv[1:])
os.chdir(source)
sys.path.insert(0, source)
from latentsync.models.unet import UNet3DConditionModel  # noqa: E402
from latentsync.whisper.whisper.model import ModelDimensions, Whisper  # noqa: E402

torch.manual_seed(0)
for folder in ("checkpoints/whisper", stand):
    os.makedirs(folder, exist_ok=True)
config = OmegaConf.load("configs/unet/stage2.yaml")
config.model.block_out_channels = [32, 32, 64, 64]
OmegaConf.save(config, os.path.join(stand, "tiny.yaml"))
unet = UNet3DConditionModel.from_config(OmegaConf.to_container(config.model))
torch.save({"global_step": 0, "state_dict": unet.state_dict()}, "checkpoints/latentsync_unet.pt")
dims = dict(n_mels=80, n_audio_ctx=1500, n_audio_state=384, n_audio_head=6, n_audio_layer=4, n_vocab=51865, n_text_ctx=448, n_text_state=384, n_text_head=6, n_text_layer=1)
torch.save({"dims": dims, "model_state_dict": Whisper(ModelDimensions(**dims)).state_dict()}, "checkpoints/whisper/tiny.pt")
blocks = dict(down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4, block_out_channels=[32] * 4)
AutoencoderKL(latent_channels=4, **blocks).save_pretrained("stabilityai/sd-vae-ft-mse")  # what is here is not fetched

with open(os.path.join(stand, "sitecustomize.py"), "w") as f:
    f.write("""import insightface.app
import numpy as np
import torch
from torch.overrides import TorchFunctionMode


def here(a):
    if isinstance(a, (str, torch.device)) and str(a).startswith("cuda"):
        return torch.device("cpu")
    return torch.float32 if a is torch.float16 else a


class OnCPU(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*map(here, args), **{k: here(v) for k, v in (kwargs or {}).items()})


OnCPU().__enter__()
load = torch.load
torch.load = lambda f, map_location=None, **more: load(f, map_location="cpu", **more)


class Face:
    det_score = 1.0

    def __init__(self, w, h):
        turn = np.linspace(0, 2 * np.pi, 106)
        at = np.stack([0.5 + 0.3 * np.cos(turn), 0.5 + 0.35 * np.sin(turn)], 1)
        at[[43, 48, 49, 50, 51]], at[101:106], at[[74, 77, 83, 86]] = [0.38, 0.4], [0.62, 0.4], [0.5, 0.55]
        self.bbox, self.landmark_2d_106 = np.array([0.2 * w, 0.15 * h, 0.8 * w, 0.85 * h]), at * [w, h]


class FaceAnalysis:
    def __init__(self, **_):
        pass

    def prepare(self, **_):
        pass

    def get(self, image):
        return [Face(image.shape[1], image.shape[0])] if image.std() > 5 else []


insightface.app.FaceAnalysis = FaceAnalysis
""")
program = os.path.join(stand, "python")
with open(program, "w") as f:
    f.write(f'#!/bin/sh\nPYTHONPATH={stand} exec {sys.executable} "$@"\n')
os.chmod(program, 0o755)
