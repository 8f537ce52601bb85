# What becomes of talking_avatar.hcl, without models and engines: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "ollama.chat" {
  outputs = {
    answer        = { title = "Lights", scene = "a quay at dusk", narration = "Lighthouses blink so that ships know which one they see." }
    text          = "{}"
    thinking      = ""
    model         = "llama3.2"
    finish        = "stop"
    prompt_tokens = 40
    tokens        = 20
    tries         = 1
    calls         = []
    messages      = []
  }
}

mock "comfyui.txt2img" {
  outputs = {
    images     = startswith(inputs.prompt, "a keeper, ") && endswith(inputs.prompt, "under the lamp") ? [artifact("talking_avatar/portrait.jpg")] : []
    checkpoint = "base"
    seed       = 1
  }
}

mock "voice.transcribe" {
  outputs = {
    text     = "what I say"
    language = "en"
    segments = []
    words    = []
    seconds  = 8
  }
}

mock "voice.profile" {
  outputs = {
    profile = artifact("talking_avatar/testdata/profile.voice")
    seconds = 8
    advice  = []
  }
}

mock "voice.say" {
  outputs = {
    audio   = artifact("explainer/testdata/speech.wav")
    seconds = 2
    engine  = "espeak-ng"
    voice   = "en-us"
    words   = [{ text = "Hello", start = 0, end = 0.5 }]
  }
}

mock "voice.align" {
  outputs = {
    words    = [{ text = "Hello", start = 0, end = 0.5 }]
    phonemes = [{ symbol = "h", start = 0, end = 0.1 }]
    seconds  = 2
  }
}

mock "lipsync.talk" {
  outputs = {
    video   = artifact("explainer/testdata/clip.mp4")
    seconds = 2
    width   = 512
    height  = 512
    engine  = "builtin"
    preview = true
  }
}

mock "render.upscale" {
  outputs = {
    encoder = "libx264"
    media   = artifact("explainer/testdata/clip.mp4")
    width   = 1024
    height  = 1024
  }
}

mock "render.captions" {
  outputs = {
    encoder  = "libx264"
    video    = artifact("explainer/testdata/clip.mp4")
    captions = artifact("explainer/testdata/captions.srt")
    ass      = artifact("talking_avatar/testdata/captions.ass")
  }
}

mock "render.level" {
  outputs = {
    media    = artifact("explainer/testdata/clip.mp4")
    loudness = -14
  }
}

mock "render.music" {
  outputs = {
    media   = artifact("explainer/testdata/clip.mp4")
    seconds = 2
  }
}

run "own words, a preview on any machine" {
  inputs = {
    narration = "Hello."
    portrait  = [artifact("talking_avatar/portrait.jpg")]
    consent   = true
    profile   = "cpu"
  }
  expect {
    outputs = { narration = "Hello." }
    nodes = {
      "node.preview[0]" = "succeeded"
      "node.large[0]"   = "succeeded"
    }
  }
}

run "a topic, changed by a person, with a voice of a sample and a drawn portrait" {
  inputs = {
    topic   = "lighthouses"
    sample  = [artifact("explainer/testdata/speech.wav")]
    person  = "a keeper"
    consent = true
  }
  answer "review" {
    form = { narration = "Lighthouses blink. Now you know.", scene = "under the lamp" }
  }
  expect {
    outputs = { narration = "Lighthouses blink. Now you know." }
    nodes = {
      "node.drawn[0]" = "succeeded"
      "node.heard[0]" = "succeeded"
      "node.own[0]"   = "succeeded"
      "node.talk[0]"  = "succeeded"
    }
  }
}

run "a voice of an earlier film, and music" {
  inputs = {
    narration = "Hello again."
    portrait  = [artifact("talking_avatar/portrait.jpg")]
    voice     = [artifact("talking_avatar/testdata/profile.voice")]
    music     = [artifact("explainer/testdata/speech.wav")]
    larger    = 1
    engine    = "latentsync"
    consent   = true
  }
  expect {
    outputs = { narration = "Hello again." }
    nodes = {
      "node.talk[0]"   = "succeeded"
      "node.scored[0]" = "succeeded"
      "node.level"     = "succeeded"
    }
  }
}

run "a text that nobody likes: nothing is drawn, heard or made" {
  inputs = {
    topic   = "lighthouses"
    sample  = [artifact("explainer/testdata/speech.wav")]
    consent = true
  }
  answer "review" {
    approved = false
  }
  expect {
    state = "succeeded"
    nodes = {
      "node.drawn"  = "skipped"
      "node.heard"  = "skipped"
      "node.speech" = "skipped"
    }
  }
}
