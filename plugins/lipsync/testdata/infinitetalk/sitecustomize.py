# Stand-ins that have InfiniteTalk run without a GPU, with the tiny models that tiny_infinitetalk.py makes, and films of a tenth of the size. Nothing in
# its own folder is changed: Python reads this file where PYTHONPATH names its folder.
import importlib.abc
import importlib.machinery
import inspect
import sys
import types

if not hasattr(inspect, "ArgSpec"):
    inspect.ArgSpec = inspect.FullArgSpec  # gone since Python 3.11


def package(name, **what):
    m = types.ModuleType(name)
    m.__dict__.update(what)
    m.__path__ = []
    m.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    sys.modules[name] = m
    return m


def sdpa(q, k, v, *_, **__):  # B, length, heads, size
    import torch
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(q, k.to(q.dtype), v.to(q.dtype)).transpose(1, 2).contiguous()


none = lambda *_, **__: None  # noqa: E731
package("xfuser")
package("xfuser.core")
package("xfuser.core.distributed", get_sequence_parallel_rank=none, get_sequence_parallel_world_size=none, get_sp_group=none)
package("xfuser.core.long_ctx_attention", xFuserLongContextAttention=object)
package("xformers").ops = package("xformers.ops", memory_efficient_attention=sdpa)


def torch_(torch):
    torch.cuda.current_device = lambda: 0
    torch.cuda.ipc_collect = torch.cuda.synchronize = none
    torch.compile = lambda f=None, **_: f if f else lambda g: g


def attention(m):
    m.flash_attention = sdpa


def smaller(m, name, **what):
    whole = getattr(m, name)
    setattr(m, name, lambda **given: whole(**{**given, **what}))


def full_precision(m):  # half precision wants a GPU
    import torch
    c = m.multitalk_14B
    c.param_dtype = c.t5_dtype = c.clip_dtype = torch.float32


def on_cpu(m):
    import torch

    class Torch:
        def __getattr__(self, name):
            return getattr(torch, name)

        @staticmethod
        def device(name, *_):
            return torch.device("cpu")
    m.torch = Torch()


def sizes(m):
    for table in (m.ASPECT_RATIO_627, m.ASPECT_RATIO_960):
        for k, (size, n) in table.items():
            table[k] = ([s // 10 // 16 * 16 for s in size], n)


def smaller_vae(m):
    whole = m._video_vae
    m._video_vae = lambda **given: whole(**given, dim=8)


after = {
    "torch": torch_, "wan.modules.attention": attention, "wan.configs.wan_multitalk_14B": full_precision, "wan.multitalk": on_cpu, "wan.utils.multitalk_utils": sizes,
    "wan.modules.t5": lambda m: smaller(m, "umt5_xxl", vocab_size=64, dim=32, dim_attn=32, dim_ffn=64, num_heads=2, encoder_layers=2),
    "wan.modules.clip": lambda m: smaller(m, "clip_xlm_roberta_vit_h_14", vision_layers=2, vision_mlp_ratio=1, vocab_size=64, text_dim=32, text_heads=2, text_layers=1, embed_dim=32),
    "wan.modules.vae": smaller_vae,
}


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in after:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            run, then = spec.loader.exec_module, after[name]

            def exec_module(m):
                run(m)
                then(m)
            spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder())
