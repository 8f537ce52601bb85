# A LoRA is trained, and what it has learned is made at once:
#
#   spinbot run pipelines/lora_then_generate.hcl --artifact dataset=faces.zip --var base=sd_xl_base_1.0.safetensors --var prompt="anna in the rain" --out .
#
# Pictures, each with its caption in a .txt beside it, teach an image model what they show, by kohya's scripts on a GPU (see plugins/lora);
# ComfyUI draws with the LoRA (plugins/comfyui, with models_dir). With --var profile=cpu texts teach a small language model, on any
# machine and without Python, and Ollama speaks with it:
#
#   spinbot run pipelines/lora_then_generate.hcl --var profile=cpu --artifact dataset=poems.jsonl --var base=smollm2-135m \
#     --var model=smollm2:135m --var prompt="The sea" --var steps=200 --out .

pipeline "lora_then_generate" {
  description = "A LoRA of your pictures or texts, and what it makes"
  timeout     = "24h"
  language    = 1
}

variable "dataset" {
  type        = list(artifact)
  description = "Pictures with captions, or texts: files or archives"
  max_size    = "20GiB"
}

variable "prompt" {
  type        = string
  description = "What is to be made with it"
}

variable "base" {
  type        = string
  description = "The model that learns, as plugins/lora finds it"
  default     = ""
}

variable "base_files" {
  type        = list(artifact)
  description = "That model as files, in place of base"
  default     = []
}

variable "model" {
  type        = string
  description = "Of language models: the same model as Ollama has it"
  default     = "smollm2:135m"
}

variable "steps" {
  type        = number
  description = "How long it learns"
  default     = 1500
  validation {
    condition = var.steps >= 1 && var.steps <= 100000
    message   = "1 to 100,000 steps, not ${var.steps}"
  }
}

variable "rank" {
  type        = number
  description = "How much it can learn"
  default     = 16
}

variable "learning_rate" {
  type        = number
  description = "How fast it learns: 0.0001 for large models, more for small ones"
  default     = 0.0001
}

variable "profile" {
  type        = string
  description = "gpu: an image model; cpu: a small language model"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

node "lora.train" "picture_lora" {
  when           = var.profile == "gpu"
  kind           = "image"
  trainer        = "kohya"
  dataset        = var.dataset
  base           = var.base
  base_files     = var.base_files
  steps          = var.steps
  rank           = var.rank
  learning_rate  = var.learning_rate
  sample_prompts = [var.prompt]
  idle_timeout   = "30m"
  degrade {
    on  = "out_of_memory"
    set = { resolution = 768 }
  }
  retry {
    attempts = 2
  }
}

node "comfyui.txt2img" "picture" {
  prompt     = var.prompt
  checkpoint = var.base
  lora_file  = node.picture_lora.adapter
  timeout    = "30m"
}

node "lora.train" "text_lora" {
  when           = var.profile == "cpu"
  kind           = "llm"
  trainer        = "builtin"
  dataset        = var.dataset
  base           = var.base
  base_files     = var.base_files
  steps          = var.steps
  rank           = var.rank
  learning_rate  = var.learning_rate
  sample_prompts = [var.prompt]
  retry {
    attempts = 2
  }
}

node "ollama.create" "taught" {
  model          = "${slug(var.model)}-taught"
  from           = var.model
  adapter        = node.text_lora.adapter
  adapter_config = node.text_lora.adapter_config
}

node "ollama.generate" "text" {
  model   = node.taught.model
  prompt  = var.prompt
  raw     = true
  options = { temperature = 0, num_predict = 64, num_thread = 1 }
}

output "adapter" {
  value       = coalesce(node.picture_lora.adapter, node.text_lora.adapter)
  description = "The LoRA"
}

output "curve" {
  value       = coalesce(node.picture_lora.curve, node.text_lora.curve)
  description = "How the loss fell"
}

output "pictures" {
  value       = try(node.picture.images, [])
  description = "What was drawn"
}

output "text" {
  value       = node.text.text
  description = "What was said"
}
