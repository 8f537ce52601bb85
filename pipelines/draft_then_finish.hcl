# Many cheap drafts of one picture, a person who picks one, and that one finished:
#
#   spinbot run pipelines/draft_then_finish.hcl --var prompt="a lighthouse at dusk, 35mm" --out .
#
# The drafts differ in their seed alone; they are small and take few steps. The gate shows them as a gallery and asks which
# one to finish, and whether at all. Only that one is made large and worked out.
#
# It needs a ComfyUI server (see plugins/comfyui). Without one, --var profile=cpu draws cards instead of pictures: the same way
# from drafts to the finished one, on any machine. Approve there with: spinbot approve last --set draft=2

pipeline "draft_then_finish" {
  description = "Many cheap seeds, a person picks one, and that one is finished"
  timeout     = "26h"
  language    = 1
}

variable "prompt" {
  type        = string
  description = "What the picture shows"
  validation {
    condition = trimspace(var.prompt) != "" && length(var.prompt) <= 900
    message   = "say in up to 900 characters what the picture shows"
  }
}

variable "negative" {
  type        = string
  description = "What it should not show"
  default     = "blurry, text, watermark"
}

variable "drafts" {
  type        = number
  description = "How many drafts there are"
  default     = 6
  validation {
    condition = var.drafts >= 2 && var.drafts <= 24
    message   = "2 to 24 drafts, not ${var.drafts}"
  }
}

variable "seed" {
  type        = number
  description = "Of the first draft; the others follow"
  default     = 1
  validation {
    condition = var.seed >= 0 && var.seed <= 9000
    message   = "the seed is 0 to 9000, not ${var.seed}"
  }
}

variable "checkpoint" {
  type        = string
  description = "A checkpoint of the server; empty: its first"
  default     = ""
}

variable "profile" {
  type        = string
  description = "gpu: pictures by ComfyUI; cpu: cards, drawn on this machine"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

locals {
  seeds  = [for i in range(var.drafts) : var.seed + i]
  drafts = concat(node.draft[*].images[0], node.sketch[*].image)
  chosen = local.seeds[gate.choose.form.draft - 1]
}

node "comfyui.txt2img" "draft" {
  for_each   = var.profile == "gpu" ? local.seeds : []
  checkpoint = var.checkpoint
  prompt     = var.prompt
  negative   = var.negative
  seed       = each.value
  steps      = 8
  width      = 768
  height     = 432
  timeout    = "10m"
}

node "render.card" "sketch" {
  for_each = var.profile == "cpu" ? local.seeds : []
  layout   = "statement"
  text     = var.prompt
  index    = each.value
  height   = 180
}

gate "choose" {
  message    = "Which draft is to be finished?"
  show       = { drafts = local.drafts }
  timeout    = "24h"
  on_timeout = "reject"
  form "draft" {
    type        = number
    description = "Its number in the gallery, from 1"
    default     = 1
    validation {
      condition = contains(range(1, var.drafts + 1), self)
      message   = "there are drafts 1 to ${var.drafts}"
    }
  }
}

# The chosen draft, twice as large.
node "comfyui.upscale" "large" {
  for_each = var.profile == "gpu" ? ["chosen"] : []
  when     = gate.choose.approved
  image    = local.drafts[gate.choose.form.draft - 1]
  timeout  = "10m"
}

# Worked out anew from there, with the same seed.
node "comfyui.img2img" "finish" {
  for_each   = node.large
  checkpoint = var.checkpoint
  image      = each.value.image
  prompt     = var.prompt
  negative   = var.negative
  seed       = local.chosen
  steps      = 30
  denoise    = 0.45
  timeout    = "20m"
}

node "render.card" "fair_copy" {
  for_each = var.profile == "cpu" ? ["chosen"] : []
  when     = gate.choose.approved
  layout   = "statement"
  text     = var.prompt
  index    = local.chosen
  height   = 1080
}

output "picture" {
  value       = concat(node.finish[*].images[0], node.fair_copy[*].image)[0]
  description = "The finished picture; null when no draft was good enough"
}

output "seed" {
  value       = gate.choose.approved ? local.chosen : null
  description = "Its seed"
}
