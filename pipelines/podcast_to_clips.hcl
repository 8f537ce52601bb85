# The best moments of a long recording become short films, upright, with captions and a title:
#
#   spinbot run pipelines/podcast_to_clips.hcl --artifact recording=episode.mp3 --artifact picture=cover.jpg --out clips
#
# What is said is written down, a language model picks moments, you choose among them, and each is cut out: of a film the picture is
# cropped to 9:16, a sound gets your picture and bars that move. It needs a service that writes down speech (plugins/voice) and Ollama
# (docs/ollama.md).
#
# With --var profile=cpu it runs on any machine, with ffmpeg and espeak-ng: you give the text that is spoken, and the moments are spread
# evenly over it.
#
#   espeak-ng -w talk.wav -f talk.txt
#   spinbot run pipelines/podcast_to_clips.hcl --var profile=cpu --var ask=false --artifact recording=talk.wav \
#     --artifact script=talk.txt --artifact picture=pipelines/explainer/picture.jpg --var height=960 --out clips

pipeline "podcast_to_clips" {
  description = "The best moments of a long recording become short films"
  timeout     = "6h"
  language    = 1
}

variable "recording" {
  type        = artifact
  description = "A talk, a podcast, a lecture: sound or film"
  accept      = ["audio/*", "video/*"]
  max_size    = "8GiB"
}

variable "script" {
  type        = list(artifact)
  description = "What is said in it, word for word, as text; none: it is written down"
  accept      = ["text/*"]
  max_size    = "20KiB"
  default     = []
  validation {
    condition = length(var.script) <= 1
    message   = "give one text, or none"
  }
}

variable "picture" {
  type        = list(artifact)
  description = "What is behind the bars of a sound; none: a plain background"
  accept      = ["image/*"]
  default     = []
}

variable "clips" {
  type        = number
  description = "How many moments are picked"
  default     = 3
  validation {
    condition = var.clips >= 1 && var.clips <= 12
    message   = "1 to 12 moments, not ${var.clips}"
  }
}

variable "seconds" {
  type        = number
  description = "How long each is at most"
  default     = 45
  validation {
    condition = var.seconds >= 5 && var.seconds <= 180
    message   = "5 to 180 seconds, not ${var.seconds}"
  }
}

variable "about" {
  type        = string
  description = "What makes a moment good, in your words"
  default     = "a thought that stands by itself, surprises, or is worth sharing"
}

variable "ask" {
  type        = bool
  description = "Whether you choose among the moments before they are made"
  default     = true
}

variable "fit" {
  type        = string
  description = "How a film becomes upright: crop, or blur to show all of it"
  default     = "crop"
  validation {
    condition = contains(["crop", "blur"], var.fit)
    message   = "crop or blur, not ${var.fit}"
  }
}

variable "height" {
  type        = number
  description = "Height of the films in pixels; 9:16"
  default     = 1920
  validation {
    condition = var.height >= 320 && var.height <= 3840
    message   = "320 to 3,840 pixels, not ${var.height}"
  }
}

variable "language" {
  type        = string
  description = "What is spoken, such as en-us or de"
  default     = "en-us"
}

variable "model" {
  type        = string
  description = "The language model; empty: one that Ollama has"
  default     = ""
}

variable "profile" {
  type        = string
  description = "gpu: a language model picks; cpu: moments are spread evenly, on any machine"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

locals {
  words = length(var.script) > 0 ? node.spoken[0].words : node.heard[0].words
  lines = node.lines.captions
  opens = [for i, l in local.lines : i if i == 0 || can(regex("[.!?]$", local.lines[max(0, i - 1)].text))] # lines that begin a sentence

  # What was picked: numbers of lines, which a model may get wrong, brought to what there is.
  spread = distinct([for k in range(var.clips) : local.opens[floor(k * length(local.opens) / var.clips)]])
  first  = [for i in local.spread : split(" ", local.lines[i].text)]
  picks = var.profile == "gpu" ? [for m in node.pick[0].answer.moments : { line = m.line, title = m.title }] : [
    for k, w in local.first : { line = local.spread[k], title = "${trim(join(" ", slice(w, 0, min(6, length(w)))), ".,;:!?- ")}${length(w) > 6 ? "…" : ""}" }
  ]
  begins = [for p in slice(local.picks, 0, min(length(local.picks), var.clips)) : { line = max(0, min(floor(p.line), length(local.lines) - 1)), title = p.title }]
  spans = [for b in local.begins : {
    title = substr(b.title, 0, 80)
    start = local.lines[b.line].start
    fits  = [for i, l in local.lines : l if i == b.line || i > b.line && l.end - local.lines[b.line].start <= var.seconds]
  }]

  # Each ends with a sentence, where one ends in time.
  moments = [for s in local.spans : {
    title = s.title
    start = max(0, s.start - 0.2)
    end   = max(concat([s.fits[0].end], anytrue([for l in s.fits : can(regex("[.!?]$", l.text))]) ? [for l in s.fits : l.end if can(regex("[.!?]$", l.text))] : s.fits[*].end)...)
  }]

  wanted = var.ask ? gate.choose[0].form.moments : range(1, length(local.moments) + 1)
  chosen = [for n in local.wanted : local.moments[n - 1] if n >= 1 && n <= length(local.moments)]
  film   = startswith(var.recording.media_type, "video/")
  made   = local.film ? node.cropped : node.drawn
  width  = floor(var.height * 9 / 32) * 2
}

node "control.split_text" "script" {
  for_each   = var.script
  file       = each.value
  by         = "length"
  max_length = 20000
}

node "voice.align" "spoken" {
  for_each = var.script
  audio    = var.recording
  text     = join(" ", node.script[0].chunks)
  voice    = var.language
  timeout  = "1h"
}

node "voice.transcribe" "heard" {
  for_each = length(var.script) == 0 ? [var.recording] : []
  audio    = each.value
  language = substr(var.language, 0, 2)
  timeout  = "3h"
}

node "control.captions" "lines" {
  words       = local.words
  max_chars   = 80
  max_lines   = 1
  max_seconds = 10
}

node "ollama.chat" "pick" {
  for_each = var.profile == "gpu" ? [var.clips] : []
  model    = var.model
  system   = "You are the editor of a podcast. You pick moments for short films. You answer with numbers of lines as they are given."
  prompt   = "Pick the ${each.value} best moments of this recording: ${var.about}. Each is at most ${var.seconds} seconds long, begins with the line that opens the thought, of which you give the number, and gets a title of at most eight words, the best first.\n\n${join("\n", [for i, l in local.lines : "${i} (${format("%.0f", l.start)} s): ${l.text}"])}"
  answer   = object({ moments = list(object({ line = number, title = string, why = string })) })
  options  = { temperature = 0.2, num_ctx = 32768 }
  timeout  = "30m"
  retry {
    attempts = 2
  }
}

gate "choose" {
  for_each = var.ask ? ["moments"] : []
  message  = "Which moments become films? Their numbers, in the order that you like."
  show     = { moments = [for i, m in local.moments : "${i + 1}: ${m.title} (${format("%.0f", m.start)} to ${format("%.0f", m.end)} s)"] }
  form "moments" {
    type        = list(number)
    description = "Numbers of moments"
    default     = range(1, length(local.moments) + 1)
  }
}

node "render.audiogram" "drawn" {
  for_each = local.film ? [] : local.chosen
  audio    = var.recording
  start    = each.value.start
  seconds  = each.value.end - each.value.start + 0.4
  picture  = length(var.picture) > 0 ? var.picture[0] : null
  title    = each.value.title
  width    = local.width
  height   = var.height
  timeout  = "1h"
}

node "render.reframe" "cropped" {
  for_each = local.film ? local.chosen : []
  video    = var.recording
  start    = each.value.start
  seconds  = each.value.end - each.value.start + 0.4
  fit      = var.fit
  title    = each.value.title
  width    = local.width
  height   = var.height
  timeout  = "1h"
}

node "render.captions" "captioned" {
  for_each = local.chosen
  video    = local.made[each.key].video
  words    = [for w in local.words : { text = w.text, start = w.start - each.value.start, end = w.end - each.value.start } if w.start >= each.value.start && w.end <= each.value.end + 0.1]
  place    = "lower"
  size     = 4.2
  letters  = 22
  timeout  = "1h"
}

node "render.thumbnail" "cover" {
  for_each = local.chosen
  media    = node.captioned[each.key].video
  width    = 540
}

output "clips" {
  value       = node.captioned[*].video
  description = "The short films: H.264 and AAC, 9:16"
}

output "titles" {
  value       = local.chosen[*].title
  description = "What each is called"
}

output "thumbnails" {
  value       = node.cover[*].picture
  description = "A picture of each"
}

output "captions" {
  value       = node.captioned[*].captions
  description = "What is said in each and when, as SRT"
}

output "moments" {
  value       = local.moments
  description = "All that was picked: title, start and end in seconds"
}
