# An article and a picture become a short film that explains the article:
#
#   spinbot run explainer.hcl --artifact article=article.md --artifact picture=picture.jpg --out out
#
# A control node picks sentences for about 40 seconds and lays them out as scenes. Each scene is spoken, and drawn
# and moved in time with its words; scenes do not wait for one another. The last node joins them with cross-fades,
# puts music under the speech and brings the sound to -14 LUFS.

pipeline "explainer" {
  description = "An article and a picture become a film of about 40 seconds"
  timeout     = "30m"
  language    = 1
}

variable "article" {
  type        = artifact
  description = "Markdown: a title, a lead, sections with headings"
  accept      = ["text/markdown", "text/plain"]
  max_size    = "256KiB"
}

variable "picture" {
  type        = artifact
  description = "Shown on title, picture and split scenes; best 16:9 and 2000 pixels wide or more"
  accept      = ["image/*"]
  max_size    = "20MiB"
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

variable "target_seconds" {
  type        = number
  description = "How long the film should be"
  default     = 40
  validation {
    condition = var.target_seconds >= 10 && var.target_seconds <= 300
    message   = "10 to 300 seconds, not ${var.target_seconds}"
  }
}

node "control.storyboard" "plan" {
  article          = var.article
  target_seconds   = var.target_seconds
  words_per_minute = 165
}

node "voice.say" "speech" {
  for_each = node.plan.scenes
  text     = each.value.caption
  voice    = var.voice
  rate     = 165
  timeout  = "2m"
}

node "render.clip" "shot" {
  for_each = node.plan.scenes
  layout   = each.value.layout
  heading  = each.value.heading
  text     = each.value.text
  points   = each.value.points
  number   = each.value.number
  index    = each.value.index
  picture  = var.picture
  seconds  = node.speech[each.key].seconds
  words    = node.speech[each.key].words
  height   = var.height
  timeout  = "10m"
}

node "render.film" "film" {
  scenes = [for i, scene in node.plan.scenes : {
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

output "seconds" {
  value       = node.film.seconds
  description = "Length of the film"
}

output "width" {
  value       = node.film.width
  description = "Pixels"
}

output "height" {
  value       = node.film.height
  description = "Pixels"
}

output "loudness" {
  value       = node.film.loudness
  description = "Loudness reached, in LUFS"
}
