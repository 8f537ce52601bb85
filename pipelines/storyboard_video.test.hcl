# What becomes of storyboard_video.hcl, without a model, a server, ffmpeg or a voice: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "ollama.chat" {
  outputs = {
    text = ""
    answer = {
      title = "Why lighthouses blink"
      scenes = [
        { say = "At night all lights look alike.", show = "a coast at night" },
        { say = "So each lighthouse blinks in its own way.", show = "a lighthouse" },
        { say = "Count, and you know where you are.", show = "a chart and a watch" },
      ]
    }
    thinking      = ""
    model         = "mock"
    finish        = "stop"
    prompt_tokens = 1
    tokens        = 1
    tries         = 1
    messages      = []
    calls         = []
  }
}

mock "comfyui.txt2img" {
  outputs = {
    images     = [artifact("explainer/picture.jpg")]
    checkpoint = "mock"
    seed       = 1
  }
}

mock "voice.say" {
  outputs = {
    audio   = artifact("explainer/testdata/speech.wav")
    seconds = 4
    engine  = "mock"
    voice   = inputs.voice
    words   = [for i, w in split(" ", inputs.text) : { text = w, start = i / 4, end = (i + 1) / 4 }]
  }
}

mock "render.clip" {
  outputs = {
    video   = artifact("explainer/testdata/clip.mp4")
    seconds = inputs.seconds
  }
}

mock "render.film" {
  outputs = {
    encoder   = "libx264"
    video     = artifact("explainer/testdata/film.mp4")
    captions  = artifact("explainer/testdata/captions.srt")
    thumbnail = artifact("explainer/testdata/thumbnail.jpg")
    seconds   = sum([for s in inputs.scenes : 4])
    width     = 1920
    height    = 1080
    loudness  = -14
  }
}

run "a topic becomes a film" {
  inputs = {
    topic  = "lighthouses"
    scenes = 3
  }
  expect {
    outputs = {
      title   = "Why lighthouses blink"
      seconds = 12
    }
    nodes = {
      "node.picture[2]" = "succeeded"
      "node.film"       = "succeeded"
    }
    artifact "output.video" {
      media_type = "video/mp4"
    }
  }
}

run "lines of one's own need no model" {
  inputs = {
    topic   = "Hello"
    lines   = ["One.", "Two."]
    profile = "cpu"
  }
  expect {
    outputs = {
      title   = "Hello"
      seconds = 8
    }
    nodes = { "node.shot[1]" = "succeeded" }
  }
}
