# Pictures get captions: a sentence of what they show, an alternative text and tags, as JSON, and each picture with its caption on it:
#
#   spinbot run pipelines/caption_images.hcl --artifact pictures=a.jpg --artifact pictures=b.png --var model=llava --out .
#
# A model that sees is asked for each picture, and what it answers is checked: it has the parts and the lengths that are asked for, or
# it is asked again. The JSON is in the order of the pictures, ready for a website or for training.
#
# It needs Ollama with a model that sees pictures (see docs/ollama.md). With --var profile=cpu no model is asked: captions are made of the
# files' names, which suits those that people have named, and shows on any machine what comes out.

pipeline "caption_images" {
  description = "Captions, alternative texts and tags for pictures"
  timeout     = "6h"
  language    = 1
}

variable "pictures" {
  type        = list(artifact)
  description = "PNG, JPEG or WebP"
  accept      = ["image/png", "image/jpeg", "image/webp"]
  max_size    = "20MiB"
  validation {
    condition = length(var.pictures) > 0
    message   = "give at least one picture"
  }
}

variable "model" {
  type        = string
  description = "A model that sees; empty: one that Ollama has"
  default     = ""
}

variable "about" {
  type        = string
  description = "What the model should know of the pictures, such as who is in them"
  default     = ""
}

variable "tags" {
  type        = list(string)
  description = "The only tags there are; none: the model chooses"
  default     = []
}

variable "profile" {
  type        = string
  description = "gpu: by a model that sees; cpu: of the files' names"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

locals {
  choose = length(var.tags) > 0 ? "Choose its tags only from: ${join(", ", var.tags)}." : "Give up to eight tags, one or two words each."
  names  = [for p in var.pictures : trimspace(regexreplace(regexreplace(p.name, "\\.[A-Za-z0-9]+$", ""), "[-_. ]+", " "))]
  captions = var.profile == "gpu" ? [for c in node.look : {
    caption = c.answer.caption
    alt     = c.answer.alt
    tags    = [for t in c.answer.tags : lower(t) if length(var.tags) == 0 || contains(var.tags, lower(t))]
    }] : [for name in local.names : {
    caption = title(name)
    alt     = "A picture called ${name}"
    tags    = [for w in distinct(split(" ", lower(name))) : w if length(var.tags) == 0 ? length(w) > 2 : contains(var.tags, w)]
  }]
}

node "ollama.chat" "look" {
  for_each = var.profile == "gpu" ? var.pictures : []
  model    = var.model
  system   = "You describe pictures for people who cannot see them. You say what is there, plainly, and guess nothing."
  prompt   = "Describe this picture: a caption of one sentence, and an alternative text of up to three. ${local.choose} ${var.about}"
  images   = [each.value]
  answer   = object({ caption = string, alt = string, tags = list(string) })
  options  = { temperature = 0.2 }
  timeout  = "10m"
  retry {
    attempts = 2
  }
}

node "render.card" "captioned" {
  for_each = var.pictures
  layout   = "picture"
  heading  = substr(local.captions[each.key].caption, 0, 200)
  picture  = each.value
  height   = 720
}

output "captions" {
  value       = [for i, c in local.captions : merge(c, { file = var.pictures[i].name, digest = var.pictures[i].digest })]
  description = "caption, alt, tags, file and digest of each picture"
}

output "pictures" {
  value       = node.captioned[*].image
  description = "Each picture with its caption on it, 16:9"
}
