# A portrait speaks: your words, or words about a topic that a model writes and you may change before anything else is done.
#
#   spinbot run pipelines/talking_avatar.hcl --artifact portrait=me.jpg --artifact sample=me.wav --var transcript="What I say in it." \
#     --var topic="Why lighthouses blink" --var consent=true --out .
#
# docs/talking-avatar.md goes from nothing to a film.
#
# A voice is made of the sample, or taken from an earlier run (--artifact voice=profile.voice); the portrait is yours, or drawn from a
# description (--var person="a friendly teacher, 40, studio light"). It needs Ollama for a topic (docs/ollama.md), GPT-SoVITS or F5-TTS
# for the voice (plugins/voice), ComfyUI for a portrait that is drawn, and an engine that moves lips (plugins/lipsync).
#
# With --var profile=cpu it runs on any machine, with ffmpeg and a speech engine: another voice speaks, and the lips are those of a preview.
#
#   spinbot run pipelines/talking_avatar.hcl --var profile=cpu --var consent=true --artifact portrait=pipelines/talking_avatar/portrait.jpg \
#     --var narration="Hello. I was drawn by a program, and I speak on a machine without a graphics card." --out .
#
# Whoever is shown or heard has to agree: consent=true says that they have.

pipeline "talking_avatar" {
  description = "A portrait speaks your words, or words about a topic"
  timeout     = "12h"
  language    = 1
}

variable "portrait" {
  type        = list(artifact)
  description = "A picture of one face, seen from the front; none: it is drawn"
  accept      = ["image/*"]
  max_size    = "20MiB"
  default     = []
  validation {
    condition = length(var.portrait) <= 1
    message   = "give one portrait, or none"
  }
}

variable "narration" {
  type        = string
  description = "What is said, word for word; empty: a model writes about the topic"
  default     = ""
  validation {
    condition = length(var.narration) <= 6000
    message   = "up to 6,000 letters: some six minutes"
  }
}

variable "topic" {
  type        = string
  description = "What to talk about, where there is no narration"
  default     = ""
}

variable "consent" {
  type        = bool
  description = "Whoever is shown and heard has agreed"
  default     = false
}

variable "sample" {
  type        = list(artifact)
  description = "A recording of the voice, 6 to 30 seconds"
  accept      = ["audio/*", "video/*"]
  max_size    = "50MiB"
  default     = []
}

variable "transcript" {
  type        = string
  description = "What is said in the recording, word for word; empty: it is written down"
  default     = ""
}

variable "voice" {
  type        = list(artifact)
  description = "A voice that voice.profile made, in place of a recording"
  accept      = ["application/vnd.spinbot.voice+zip", "application/zip", "application/octet-stream"]
  default     = []
}

variable "language" {
  type        = string
  description = "What is spoken, such as en-us or de"
  default     = "en-us"
}

variable "person" {
  type        = string
  description = "How whoever is drawn looks; of a topic the model says where"
  default     = "a friendly person looking into the camera, head and shoulders, photograph"
}

variable "seconds" {
  type        = number
  description = "About how long a text is that a model writes"
  default     = 45
  validation {
    condition = var.seconds >= 10 && var.seconds <= 300
    message   = "10 to 300 seconds, not ${var.seconds}"
  }
}

variable "model" {
  type        = string
  description = "The language model; empty: one that Ollama has"
  default     = ""
}

variable "engine" {
  type        = string
  description = "Who moves the lips: wav2lip, sadtalker, latentsync, infinitetalk, command, service, or builtin, which makes a preview; empty: sadtalker, and builtin with profile=cpu"
  default     = ""
}

variable "height" {
  type        = number
  description = "Height of the film in pixels, before it is made larger"
  default     = 512
}

variable "larger" {
  type        = number
  description = "How many times larger it is made at the end"
  default     = 2
  validation {
    condition = contains([1, 2, 3, 4], var.larger)
    message   = "1, 2, 3 or 4"
  }
}

variable "music" {
  type        = list(artifact)
  description = "What is laid under the speech"
  accept      = ["audio/*"]
  default     = []
}

variable "profile" {
  type        = string
  description = "gpu: with your voice and a trained engine; cpu: a preview on any machine"
  default     = "gpu"
  validation {
    condition = contains(["gpu", "cpu"], var.profile)
    message   = "the profile is gpu or cpu, not ${var.profile}"
  }
}

locals {
  writes   = var.narration == ""
  goes     = local.writes ? gate.review[0].approved : true
  said     = local.writes ? gate.review[0].form.narration : var.narration
  looks    = local.writes ? "${var.person}, ${gate.review[0].form.scene}" : var.person
  engine   = var.engine != "" ? var.engine : var.profile == "cpu" ? "builtin" : "sadtalker"
  portrait = length(var.portrait) > 0 ? var.portrait[0] : node.drawn[0].images[0]
  profile  = length(var.voice) > 0 ? var.voice[0] : length(var.sample) > 0 ? node.own[0].profile : null
  talked   = local.engine == "builtin" ? node.preview[0].video : node.talk[0].video
}

node "ollama.chat" "script" {
  for_each = local.writes ? [var.topic] : []
  model    = var.model
  system   = "You write what one person says into a camera: plain words, short sentences, no lists, no headings, nothing in brackets."
  prompt   = "Write a talk of about ${round(var.seconds * 2.4)} words about: ${each.value}. Begin with what makes curious, end with what to remember. The scene is where the speaker is seen, in at most twelve words: place and light, no persons."
  answer   = object({ title = string, scene = string, narration = string })
  options  = { temperature = 0.7 }
  timeout  = "10m"
  retry {
    attempts = 2
  }
}

gate "review" {
  for_each = local.writes ? ["script"] : []
  message  = "Read what will be said about “${var.topic}”, and change what you like. Voice, portrait and film are made after that."
  show     = { title = node.script[0].answer.title }
  form "narration" {
    type        = string
    description = "What is said"
    default     = node.script[0].answer.narration
  }
  form "scene" {
    type        = string
    description = "Where the speaker is seen, if the portrait is drawn"
    default     = node.script[0].answer.scene
  }
}

node "comfyui.txt2img" "drawn" {
  for_each = length(var.portrait) == 0 ? [local.looks] : []
  when     = local.goes
  prompt   = each.value
  negative = "profile, two people, hands, text, deformed"
  width    = 1024
  height   = 1024
  timeout  = "15m"
}

node "voice.transcribe" "heard" {
  for_each = length(var.sample) > 0 && length(var.voice) == 0 && var.transcript == "" ? var.sample : []
  when     = local.goes
  audio    = each.value
  timeout  = "10m"
}

node "voice.profile" "own" {
  for_each   = length(var.voice) == 0 ? var.sample : []
  when       = local.goes
  name       = "own"
  sample     = each.value
  transcript = var.transcript != "" ? var.transcript : node.heard[0].text
  language   = substr(var.language, 0, 2)
  consent    = var.consent
}

node "voice.say" "speech" {
  when     = local.goes
  text     = local.said
  voice    = var.language
  profile  = local.profile
  consent  = var.consent
  or_plain = var.profile == "cpu"
  timeout  = "30m"
  retry {
    attempts = 2
  }
}

node "voice.align" "lips" {
  audio = node.speech.audio
  text  = local.said
  voice = var.language
}

node "lipsync.talk" "preview" {
  for_each = local.engine == "builtin" ? ["builtin"] : []
  portrait = local.portrait
  audio    = node.speech.audio
  phonemes = node.lips.phonemes
  consent  = var.consent
  height   = var.height
  timeout  = "1h"
}

node "lipsync.talk" "talk" {
  for_each     = local.engine == "builtin" ? [] : [local.engine]
  portrait     = local.portrait
  audio        = node.speech.audio
  engine       = each.value
  consent      = var.consent
  height       = var.height
  timeout      = "10h"
  idle_timeout = "20m"
  device {} # of what memory, the engine says
  retry {
    attempts = 2
  }
}

node "render.upscale" "large" {
  for_each = var.larger > 1 ? [var.larger] : []
  media    = local.talked
  factor   = each.value
  timeout  = "2h"
}

node "render.captions" "captioned" {
  video   = var.larger > 1 ? node.large[0].media : local.talked
  words   = node.speech.words
  letters = 30
  timeout = "1h"
}

node "render.music" "scored" {
  for_each = var.music
  media    = node.captioned.video
  music    = each.value
  timeout  = "30m"
}

node "render.level" "level" {
  media   = length(var.music) > 0 ? node.scored[0].media : node.captioned.video
  timeout = "30m"
}

output "video" {
  value       = node.level.media
  description = "The film: H.264 and AAC, at -14 LUFS"
}

output "captions" {
  value       = node.captioned.captions
  description = "What is said and when, as SRT"
}

output "voice" {
  value       = local.profile
  description = "The voice, for the next film; null where none was made or given"
}

output "narration" {
  value       = local.said
  description = "What is said"
}
