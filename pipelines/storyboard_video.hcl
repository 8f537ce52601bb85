# A topic becomes a short film: a script, a picture for each scene, a voice that reads it, and all of it joined:
#
#   spinbot run pipelines/storyboard_video.hcl --var topic="Why lighthouses blink" --out .
#
# A language model writes what is said and what is shown. Pictures and speech are made side by side, scene by scene; each picture moves as
# long as its words last. The last node joins the scenes with cross-fades, music under the speech, and captions.
#
# It needs Ollama (docs/ollama.md), a ComfyUI server (plugins/comfyui), and ffmpeg and a speech engine. With --var profile=cpu no model
# is asked: lines are read that you give (--var 'lines=["…", "…"]'), or a few about the film itself, and scenes are drawn. Lines of
# your own work with profile=gpu, too.

pipeline "storyboard_video" {
  description = "A topic becomes a film: script, pictures, voice, captions"
  timeout     = "3h"
  language    = 1
}

variable "topic" {
  type        = string
  description = "What the film is about; its title where no model finds one"
  validation {
    condition = trimspace(var.topic) != "" && length(var.topic) <= 200
    message   = "say in up to 200 characters what the film is about"
  }
}

variable "lines" {
  type        = list(string)
  description = "What is said, a text for each scene; none: a script is written"
  default     = []
  validation {
    condition = length(var.lines) <= 24 && alltrue([for l in var.lines : trimspace(l) != "" && length(l) <= 600])
    message   = "up to 24 lines of up to 600 characters, none of them empty"
  }
}

variable "scenes" {
  type        = number
  description = "How many scenes the script has"
  default     = 5
  validation {
    condition = var.scenes >= 2 && var.scenes <= 12
    message   = "2 to 12 scenes, not ${var.scenes}"
  }
}

variable "style" {
  type        = string
  description = "How the pictures look"
  default     = "35mm photograph, soft natural light"
}

variable "model" {
  type        = string
  description = "The language model; empty: one that Ollama has"
  default     = ""
}

variable "checkpoint" {
  type        = string
  description = "A checkpoint of the ComfyUI server; empty: its first"
  default     = ""
}

variable "voice" {
  type        = string
  description = "A language such as en-us, or an engine's name for a voice"
  default     = "en-us"
}

variable "height" {
  type        = number
  description = "Height of the film in pixels, 16:9"
  default     = 1080
  validation {
    condition = contains([180, 240, 360, 540, 720, 1080, 1440, 2160], var.height)
    message   = "the height is one of 180, 240, 360, 540, 720, 1080, 1440 and 2160, not ${var.height}"
  }
}

variable "profile" {
  type        = string
  description = "gpu: written by a model, pictures by ComfyUI; cpu: lines and drawings, on this machine"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

locals {
  writes = var.profile == "gpu" && length(var.lines) == 0
  about_itself = [
    "A film about ${var.topic}, made on this machine.",
    "A script says for each scene what is heard and what is seen.",
    "A voice reads it, and each scene lasts as long as its words.",
    "Then the scenes are joined, with music under the speech.",
    "Give lines of your own, or let a model write them.",
  ]
  lines  = length(var.lines) > 0 ? var.lines : local.about_itself
  title  = local.writes ? node.script[0].answer.title : var.topic
  scenes = local.writes ? slice(node.script[0].answer.scenes, 0, min(var.scenes, length(node.script[0].answer.scenes))) : [for l in local.lines : { say = l, show = l }]
  last   = length(local.scenes) - 1
}

node "ollama.chat" "script" {
  for_each = local.writes ? [var.topic] : []
  model    = var.model
  system   = "You write short films that explain one thing well. You use plain words and short sentences, and no lists."
  prompt   = <<-EOT
    Write a film of ${var.scenes} scenes about: ${each.value}

    Give it a title of at most eight words. For each scene give "say", one or two sentences that a voice reads, and "show", what its
    picture shows: things, place, light, as for a photographer, and no text in the picture. The first scene makes curious, the last one
    says what to remember.
  EOT
  answer   = object({ title = string, scenes = list(object({ say = string, show = string })) })
  options  = { temperature = 0.7 }
  timeout  = "10m"
  retry {
    attempts = 2
  }
}

node "comfyui.txt2img" "picture" {
  for_each   = var.profile == "gpu" ? local.scenes : []
  checkpoint = var.checkpoint
  prompt     = "${each.value.show}, ${var.style}"
  negative   = "text, watermark, blurry, deformed"
  width      = 1344
  height     = 768
  timeout    = "15m"
}

node "voice.say" "speech" {
  for_each = local.scenes
  text     = each.value.say
  voice    = var.voice
  timeout  = "2m"
}

node "render.clip" "shot" {
  for_each = local.scenes
  layout   = each.key == 0 ? "title" : each.key == local.last && var.profile == "cpu" ? "end" : var.profile == "cpu" ? "statement" : "picture"
  heading  = each.key == 0 || each.key == local.last && var.profile == "cpu" ? substr(local.title, 0, 200) : ""
  text     = each.key == 0 ? "" : each.value.say
  index    = each.key
  picture  = var.profile == "gpu" ? node.picture[each.key].images[0] : null
  seconds  = node.speech[each.key].seconds
  words    = node.speech[each.key].words
  height   = var.height
  timeout  = "10m"
}

node "render.film" "film" {
  scenes = [for i, scene in local.scenes : {
    video = node.shot[i].video
    audio = node.speech[i].audio
    words = node.speech[i].words
  }]
  music   = "calm"
  timeout = "15m"
}

output "video" {
  value       = node.film.video
  description = "The film: H.264 and AAC, 16:9"
}

output "captions" {
  value       = node.film.captions
  description = "What is said and when, as SRT"
}

output "thumbnail" {
  value       = node.film.thumbnail
  description = "A picture of the title, as JPEG"
}

output "title" {
  value       = local.title
  description = "The film's title"
}

output "seconds" {
  value       = node.film.seconds
  description = "Length of the film"
}
