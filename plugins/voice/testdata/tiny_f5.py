# Makes an F5-TTS and a Vocos of random numbers for TestEngines, in the folder that it is given: tiny.yaml, tiny.safetensors, and
# checkpoints/vocos-mel-24khz.
import os
import sys
from importlib.resources import files

import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file
from vocos import Vocos

from f5_tts.infer.utils_infer import get_tokenizer
from f5_tts.model import CFM, DiT

out = sys.argv[1]
torch.manual_seed(0)
config = OmegaConf.load(str(files("f5_tts").joinpath("configs/F5TTS_v1_Base.yaml")))
config.model.arch.update({"dim": 64, "depth": 2, "heads": 2, "text_dim": 32, "conv_layers": 1})
os.makedirs(out, exist_ok=True)
OmegaConf.save(config, os.path.join(out, "tiny.yaml"))
words, size = get_tokenizer(str(files("f5_tts").joinpath("infer/examples/vocab.txt")), "custom")
mel = {k: config.model.mel_spec[k] for k in ("n_fft", "hop_length", "win_length", "n_mel_channels", "target_sample_rate", "mel_spec_type")}
model = CFM(transformer=DiT(**config.model.arch, text_num_embeds=size, mel_dim=mel["n_mel_channels"]), mel_spec_kwargs=mel, vocab_char_map=words)
save_file({k: v.contiguous() for k, v in model.state_dict().items()}, os.path.join(out, "tiny.safetensors"))

vocos = os.path.join(out, "checkpoints", "vocos-mel-24khz")
os.makedirs(vocos, exist_ok=True)
with open(os.path.join(vocos, "config.yaml"), "w") as f:
    f.write("""feature_extractor:
  class_path: vocos.feature_extractors.MelSpectrogramFeatures
  init_args: {sample_rate: 24000, n_fft: 1024, hop_length: 256, n_mels: 100, padding: center}
backbone:
  class_path: vocos.models.VocosBackbone
  init_args: {input_channels: 100, dim: 64, intermediate_dim: 128, num_layers: 2}
head:
  class_path: vocos.heads.ISTFTHead
  init_args: {dim: 64, n_fft: 1024, hop_length: 256, padding: center}
""")
torch.save(Vocos.from_hparams(os.path.join(vocos, "config.yaml")).state_dict(), os.path.join(vocos, "pytorch_model.bin"))
