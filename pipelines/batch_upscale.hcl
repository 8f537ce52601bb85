# Pictures made larger, as many at once as there is room for:
#
#   spinbot run pipelines/batch_upscale.hcl --artifact pictures=a.jpg --artifact pictures=b.png --var model=4x-UltraSharp.pth --out .
#
# One that turns out to be damaged, or too large, is left out and named; the others go on.
#
# It needs a ComfyUI server (see plugins/comfyui); with a model there, details are made up that look right. With
# --var profile=cpu pictures are resized on this machine, which makes up nothing.

pipeline "batch_upscale" {
  description = "Pictures made larger, those that cannot be read left out"
  timeout     = "6h"
  language    = 1
}

variable "pictures" {
  type        = list(artifact)
  description = "PNG, JPEG, WebP or GIF"
  accept      = ["image/*"]
  max_size    = "50MiB"
  validation {
    condition = length(var.pictures) > 0
    message   = "give at least one picture"
  }
}

variable "model" {
  type        = string
  description = "An upscale model of the server, which has a factor of its own; empty: pictures are only resized"
  default     = ""
}

variable "factor" {
  type        = number
  description = "How much larger, where there is no model"
  default     = 2
  validation {
    condition = var.factor > 1 && var.factor <= 8
    message   = "more than 1 and up to 8, not ${var.factor}"
  }
}

variable "profile" {
  type        = string
  description = "gpu: by ComfyUI; cpu: by resizing on this machine"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

node "comfyui.upscale" "upscaled" {
  for_each   = var.profile == "gpu" ? var.pictures : []
  image      = each.value
  model      = var.model
  factor     = var.factor
  timeout    = "15m"
  on_failure = "continue"
  retry {
    attempts = 2
  }
}

node "render.resize" "resized" {
  for_each   = var.profile == "cpu" ? var.pictures : []
  picture    = each.value
  factor     = var.factor
  timeout    = "5m"
  on_failure = "continue"
}

locals {
  made = concat(node.upscaled, node.resized)
}

output "pictures" {
  value       = [for made in local.made : made.image if made != null]
  description = "The larger pictures, in the order of those that came in"
}

output "left_out" {
  value       = [for i, made in local.made : var.pictures[i].name if made == null]
  description = "Names of pictures that could not be made larger; spinbot show says why"
}
