# A LoRA, a voice, or both, made once and used again and again. What is not given is not made:
#
#   spinbot run pipelines/train.hcl --artifact dataset=faces.zip --var base=sd_xl_base_1.0.safetensors --var save_as=anna --out .
#   spinbot run pipelines/train.hcl --artifact sample=anna.wav --var consent=true --var speaker="Anna Berg" --var save_as=anna --out .
#
# Pictures with captions teach an image model, by kohya's scripts on a GPU (plugins/lora has the other trainers). Texts teach a language
# model; without Python and on any machine with the builtin trainer:
#
#   spinbot run pipelines/train.hcl --var kind=llm --artifact dataset=poems.jsonl --var base=smollm2-135m --var steps=200 --var save_as=poet
#
# With save_as what was made is lora/anna and voice/anna of the library, a new version each time: pipelines say asset("lora/anna").
# POST /api/train makes runs of this pipeline, too. docs/train.md has an example of each.

pipeline "train" {
  description = "Makes a LoRA of pictures or texts, and a voice of a recording"
  timeout     = "48h"
  language    = 1
}

variable "dataset" {
  type        = list(artifact)
  description = "What a LoRA learns from: pictures with captions, or texts; files or archives. None: no LoRA is made"
  max_size    = "20GiB"
  default     = []
  validation {
    condition = length(var.dataset) + length(var.sample) > 0
    message   = "there is nothing to learn from: give a dataset for a LoRA, a sample for a voice, or both"
  }
}

variable "kind" {
  type        = string
  description = "image: the base makes pictures; llm: it makes text"
  default     = "image"
  validation {
    condition = contains(["image", "llm"], var.kind)
    message   = "the kind is image or llm, not ${var.kind}"
  }
}

variable "base" {
  type        = string
  description = "The model that learns, as plugins/lora finds it"
  default     = ""
}

variable "base_files" {
  type        = list(artifact)
  description = "That model as files or an archive, in place of base"
  default     = []
}

variable "family" {
  type        = string
  description = "Of image models: sd15, sdxl, flux, …"
  default     = "sdxl"
}

variable "trainer" {
  type        = string
  description = "Who trains: kohya, ai-toolkit, diffusers, peft, axolotl, llama-factory, command or builtin; empty: kohya, and builtin for texts"
  default     = ""
}

variable "steps" {
  type        = number
  description = "How long it learns"
  default     = 1500
  validation {
    condition = var.steps >= 1 && var.steps <= 1000000
    message   = "1 to 1,000,000 steps, not ${var.steps}"
  }
}

variable "rank" {
  type        = number
  description = "How much it can learn"
  default     = 16
  validation {
    condition = var.rank >= 1 && var.rank <= 1024
    message   = "a rank from 1 to 1,024, not ${var.rank}"
  }
}

variable "alpha" {
  type        = number
  description = "How strongly it acts, as alpha / rank; 0: as the rank"
  default     = 0
}

variable "learning_rate" {
  type        = number
  description = "How fast it learns: 0.0001 for large models, more for small ones"
  default     = 0.0001
}

variable "batch" {
  type        = number
  description = "Pictures or texts in each step"
  default     = 1
}

variable "resolution" {
  type        = number
  description = "Of pictures: the side of a square with as many pixels"
  default     = 1024
}

variable "prompts" {
  type        = list(string)
  description = "What is made with it on the way, to look at"
  default     = []
}

variable "sample" {
  type        = list(artifact)
  description = "A recording of somebody who speaks, 6 to 30 seconds. None: no voice is made"
  accept      = ["audio/*", "video/*"]
  max_size    = "50MiB"
  default     = []
  validation {
    condition = length(var.sample) <= 1
    message   = "give one recording, or none"
  }
}

variable "transcript" {
  type        = string
  description = "What is said in the recording, word for word; empty: it is written down"
  default     = ""
}

variable "language" {
  type        = string
  description = "What is spoken in it, such as en or de"
  default     = "en"
}

variable "consent" {
  type        = bool
  description = "Whoever speaks in the recording has agreed that the voice is made"
  default     = false
  validation {
    condition = var.consent || length(var.sample) == 0
    message   = "a voice is made only if whoever speaks has agreed: consent = true says so"
  }
}

variable "speaker" {
  type        = string
  description = "Who that is. It is recorded in the library; without, the voice is of use there once that is done"
  default     = ""
}

variable "consent_for" {
  type        = string
  description = "What the voice may be used for"
  default     = "films made here"
}

variable "save_as" {
  type        = string
  description = "The name in the library; empty: it is not saved there"
  default     = ""
  validation {
    condition = var.save_as == "" || can(regex("^[a-z0-9][a-z0-9_-]{0,63}$", var.save_as))
    message   = "a name has 1 to 64 small letters, digits, - and _, and begins with a letter or a digit"
  }
}

variable "licence" {
  type        = string
  description = "On what terms the LoRA may be used, such as CC-BY-4.0; recorded in the library"
  default     = ""
}

locals {
  learns  = length(var.dataset) > 0
  trainer = var.trainer != "" ? var.trainer : var.kind == "llm" ? "builtin" : "kohya"
  lora    = concat(node.here, node.there)
  saves   = var.save_as != ""
}

node "lora.train" "here" {
  for_each       = local.learns && local.trainer == "builtin" ? [var.kind] : []
  kind           = each.value
  trainer        = local.trainer
  dataset        = var.dataset
  base           = var.base
  base_files     = var.base_files
  rank           = var.rank
  alpha          = var.alpha
  steps          = var.steps
  learning_rate  = var.learning_rate
  batch          = var.batch
  sample_prompts = var.prompts
  idle_timeout   = "30m"
  retry {
    attempts = 2
  }
}

node "lora.train" "there" {
  for_each       = local.learns && local.trainer != "builtin" ? [var.kind] : []
  kind           = each.value
  trainer        = local.trainer
  family         = var.family
  dataset        = var.dataset
  base           = var.base
  base_files     = var.base_files
  rank           = var.rank
  alpha          = var.alpha
  steps          = var.steps
  learning_rate  = var.learning_rate
  batch          = var.batch
  resolution     = var.resolution
  sample_prompts = var.prompts
  idle_timeout   = "30m"
  device {} # of what memory, the family says
  degrade {
    on  = "out_of_memory"
    set = { batch = 1, resolution = 768 }
  }
  retry {
    attempts = 2
  }
}

node "voice.transcribe" "heard" {
  for_each = var.transcript == "" ? var.sample : []
  audio    = each.value
  language = substr(var.language, 0, 2)
  timeout  = "10m"
}

node "voice.profile" "voice" {
  for_each   = var.sample
  name       = var.save_as != "" ? var.save_as : "own"
  sample     = each.value
  transcript = var.transcript != "" ? var.transcript : node.heard[0].text
  language   = var.language
  consent    = var.consent
}

node "asset.save" "lora_kept" {
  for_each  = local.saves ? local.lora : []
  as        = "lora/${var.save_as}"
  file      = each.value.gguf != null ? each.value.gguf : each.value.adapter
  thumbnail = each.value.curve
  note      = "${each.value.steps} steps over ${each.value.base}, a loss of ${format("%.3f", each.value.loss)}"
  licence   = var.licence
}

node "asset.save" "voice_kept" {
  for_each    = local.saves ? node.voice : []
  as          = "voice/${var.save_as}"
  file        = each.value.profile
  note        = "of a recording of ${format("%.1f", each.value.seconds)} seconds"
  consent_by  = var.speaker
  consent_for = var.speaker != "" ? var.consent_for : ""
}

output "adapter" {
  value       = one(local.lora[*].adapter)
  description = "The LoRA, as safetensors"
}

output "adapter_config" {
  value       = one(local.lora[*].adapter_config)
  description = "Of language models: what PEFT wants beside it"
}

output "gguf" {
  value       = one(local.lora[*].gguf)
  description = "Of language models: the same for Ollama"
}

output "curve" {
  value       = one(local.lora[*].curve)
  description = "How the loss fell"
}

output "loss" {
  value       = one(local.lora[*].loss)
  description = "Where it ended"
}

output "voice" {
  value       = one(node.voice[*].profile)
  description = "The voice, for voice.say"
}

output "advice" {
  value       = flatten(node.voice[*].advice)
  description = "What would make the recording better"
}

output "assets" {
  value       = concat(node.lora_kept[*].asset, node.voice_kept[*].asset)
  description = "What was saved in the library: names with versions"
}
