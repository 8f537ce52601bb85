# Trains a LoRA of a language model with PEFT. Started by the plugin lora with the path of its settings; it writes a JSON line for each step.
import json
import math
import sys

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments, set_seed

with open(sys.argv[1]) as f:
    want = json.load(f)
set_seed(want["seed"])
tokenizer = AutoTokenizer.from_pretrained(want["base"])
if tokenizer.pad_token is None:
    tokenizer.pad_token = tokenizer.eos_token
gpu = torch.cuda.is_available()
kind = torch.bfloat16 if gpu and torch.cuda.is_bf16_supported() else torch.float32
model = AutoModelForCausalLM.from_pretrained(want["base"], torch_dtype=kind)
model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=want["rank"], lora_alpha=want["alpha"], target_modules=want["targets"]))


def example(text):
    """Tokens, and labels of what is to be learned: all of a text, what completes a prompt, what the assistant says last."""
    if "messages" in text:
        whole = tokenizer.apply_chat_template(text["messages"], tokenize=False)
        given = tokenizer.apply_chat_template(text["messages"][:-1], tokenize=False, add_generation_prompt=True)
        special = False
    elif "completion" in text:
        given, special = text.get("prompt", ""), True
        whole = given + text["completion"] + tokenizer.eos_token
    else:
        given, special, whole = "", True, text["text"] + tokenizer.eos_token
    ids = tokenizer(whole, add_special_tokens=special)["input_ids"][: want["length"]]
    skip = len(tokenizer(given, add_special_tokens=special)["input_ids"]) if given else 0
    return {"input_ids": ids, "labels": [-100] * min(skip, len(ids)) + ids[skip:]}


class Log(TrainerCallback):
    def on_log(self, args, state, control, logs=None, **kwargs):
        line = {"step": state.global_step, "total": state.max_steps, "loss": (logs or {}).get("loss"), "learning_rate": (logs or {}).get("learning_rate")}
        if line["loss"] is not None and math.isfinite(line["loss"]):
            with open(want["log"], "a") as f:
                f.write(json.dumps(line) + "\n")


def pad(batch):
    longest = max(len(e["input_ids"]) for e in batch)
    fill = lambda e, key, by: e[key] + [by] * (longest - len(e[key]))
    return {
        "input_ids": torch.tensor([fill(e, "input_ids", tokenizer.pad_token_id) for e in batch]),
        "labels": torch.tensor([fill(e, "labels", -100) for e in batch]),
        "attention_mask": torch.tensor([[1] * len(e["input_ids"]) + [0] * (longest - len(e["input_ids"])) for e in batch]),
    }


with open(want["data"]) as f:
    data = [example(json.loads(line)) for line in f]
arguments = TrainingArguments(
    output_dir=want["out"], max_steps=want["steps"], per_device_train_batch_size=want["batch"], learning_rate=want["learning_rate"], lr_scheduler_type=want["schedule"],
    logging_steps=1, save_steps=want["save_every"], save_total_limit=2, seed=want["seed"], report_to=[], bf16=gpu and kind == torch.bfloat16, remove_unused_columns=False, disable_tqdm=True,
    dataloader_pin_memory=gpu,
)
trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=pad, callbacks=[Log()])
trainer.train(resume_from_checkpoint=want["resume"] or None)
model.save_pretrained(want["out"])
model.eval()
for i, prompt in enumerate(want["samples"] or []):
    given = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False).to(model.device)  # generate refuses what the model does not take
    with torch.no_grad():
        said = model.generate(**given, max_new_tokens=64, do_sample=False, pad_token_id=tokenizer.pad_token_id)
    with open(f"{want['out']}/sample-{i:03d}.txt", "w") as f:
        f.write(tokenizer.decode(said[0], skip_special_tokens=True) + "\n")
