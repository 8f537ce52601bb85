# What becomes of podcast_to_clips.hcl, without models and engines: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "voice.transcribe" {
  outputs = {
    text     = "First thought here. A second one. And a third."
    language = "en"
    segments = []
    words = [
      { text = "First", start = 0, end = 1 }, { text = "thought", start = 1, end = 2 }, { text = "here.", start = 2, end = 3 },
      { text = "A", start = 10, end = 11 }, { text = "second", start = 11, end = 12 }, { text = "one.", start = 12, end = 13 },
      { text = "And", start = 20, end = 21 }, { text = "a", start = 21, end = 22 }, { text = "third.", start = 22, end = 23 },
    ]
    seconds = 24
  }
}

mock "voice.align" {
  outputs = {
    words = [
      { text = "One.", start = 0, end = 1 }, { text = "Two", start = 2, end = 3 }, { text = "goes", start = 3, end = 4 }, { text = "on.", start = 4, end = 5 },
    ]
    phonemes = []
    seconds  = 6
  }
}

mock "ollama.chat" {
  outputs = {
    answer        = { moments = [{ line = 2, title = "The third", why = "" }, { line = 0, title = "The first", why = "" }, { line = 900, title = "Too far", why = "" }, { line = 1, title = "One too many", why = "" }] }
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

mock "render.audiogram" {
  outputs = {
    encoder = "libx264"
    video   = artifact("explainer/testdata/clip.mp4")
    seconds = inputs.seconds
  }
}

mock "render.reframe" {
  outputs = {
    encoder = "libx264"
    video   = artifact("explainer/testdata/clip.mp4")
    seconds = inputs.seconds
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

mock "render.thumbnail" {
  outputs = { picture = artifact("explainer/testdata/thumbnail.jpg") }
}

run "a model picks, a person chooses and orders, and what is out of range is brought back" {
  inputs = {
    recording = artifact("explainer/testdata/speech.wav")
    seconds   = 15
  }
  answer "choose" {
    form = { moments = [2, 1, 7] }
  }
  expect {
    outputs = {
      titles = ["The first", "The third"]
      moments = [
        { title = "The third", start = 19.8, end = 23 },
        { title = "The first", start = 0, end = 13 },
        { title = "Too far", start = 19.8, end = 23 },
      ]
    }
    nodes = {
      "node.heard[0]"     = "succeeded"
      "node.drawn[1]"     = "succeeded"
      "node.captioned[1]" = "succeeded"
    }
  }
}

run "on any machine: the text is known, moments are spread over it" {
  inputs = {
    recording = artifact("explainer/testdata/speech.wav")
    script    = [artifact("explainer/article.md")]
    profile   = "cpu"
    ask       = false
    clips     = 2
    seconds   = 5
  }
  expect {
    outputs = {
      titles  = ["One", "Two goes on"]
      moments = [{ title = "One", start = 0, end = 5 }, { title = "Two goes on", start = 1.8, end = 5 }]
    }
    nodes = {
      "node.spoken[0]" = "succeeded"
      "node.drawn[1]"  = "succeeded"
    }
  }
}

run "a film is cropped" {
  inputs = {
    recording = artifact("explainer/testdata/clip.mp4")
    ask       = false
  }
  expect {
    nodes = {
      "node.cropped[2]" = "succeeded"
    }
  }
}

run "nobody likes any" {
  inputs = {
    recording = artifact("explainer/testdata/speech.wav")
  }
  answer "choose" {
    form = { moments = [] }
  }
  expect {
    outputs = { clips = [] }
  }
}

run "too many moments" {
  inputs = {
    recording = artifact("explainer/testdata/speech.wav")
    clips     = 99
  }
  diagnostics = ["1 to 12 moments"]
}
