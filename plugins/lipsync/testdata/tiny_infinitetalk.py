# Makes tiny models of random numbers for InfiniteTalk in the folder weights of its source, for TestRealEngines. It and InfiniteTalk itself run with
# PYTHONPATH naming the folder infinitetalk beside this file, whose stand-ins have it run without a GPU.
import json
import os
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

source = sys.argv[1]
sys.path.insert(0, source)
from wan.configs import WAN_CONFIGS  # noqa: E402
from wan.modules import clip, t5, vae  # noqa: E402
from wan.modules.multitalk_model import WanModel  # noqa: E402

torch.manual_seed(0)
c = WAN_CONFIGS["infinitetalk-14B"]
at = lambda *p: os.path.join(source, "weights", *p)  # noqa: E731
wan = at("Wan2.1-I2V-14B-480P")
os.makedirs(wan, exist_ok=True)
for name in (c.t5_tokenizer, c.clip_tokenizer):
    t = Tokenizer(models.WordLevel({"<pad>": 0, "<unk>": 1, "a": 2, "person": 3, "is": 4, "talking": 5}, "<unk>"))
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=t, pad_token="<pad>", unk_token="<unk>").save_pretrained(os.path.join(wan, name))
torch.save(t5.umt5_xxl(encoder_only=True, return_tokenizer=False).state_dict(), os.path.join(wan, c.t5_checkpoint))
torch.save(clip.clip_xlm_roberta_vit_h_14().state_dict(), os.path.join(wan, c.clip_checkpoint))
cfg = dict(dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[], temperal_downsample=[False, True, True], dropout=0.0)
torch.save(vae.WanVAE_(**cfg).state_dict(), os.path.join(wan, c.vae_checkpoint))
size = dict(model_type="i2v", dim=48, ffn_dim=64, freq_dim=32, text_dim=32, in_dim=36, out_dim=16, num_heads=2, num_layers=2, text_len=512)
with open(os.path.join(wan, "config.json"), "w") as f:
    json.dump(size, f)
whole = {k: v.contiguous() for k, v in WanModel(**size).state_dict().items()}
heard = {k: v for k, v in whole.items() if "audio" in k or "norm_x" in k}
os.makedirs(at("InfiniteTalk", "single"), exist_ok=True)
save_file(heard, at("InfiniteTalk", "single", "infinitetalk.safetensors"))
rest = [k for k in whole if k not in heard]
for i in range(7):
    save_file({k: whole[k] for k in rest[i::7]}, os.path.join(wan, f"diffusion_pytorch_model-{i + 1:05d}-of-00007.safetensors"))
w = at("chinese-wav2vec2-base")
Wav2Vec2Model(Wav2Vec2Config(intermediate_size=64)).save_pretrained(w)
Wav2Vec2FeatureExtractor().save_pretrained(w)
