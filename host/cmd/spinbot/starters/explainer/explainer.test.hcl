# What becomes of explainer.hcl, without ffmpeg and without a voice: spinbot test

types = "types.json" # of the plugins, for machines that lack them

mock "voice.say" {
  outputs = {
    audio   = artifact("testdata/speech.wav")
    seconds = 4.0 + each.key / 10
    engine  = "mock"
    voice   = inputs.voice
    words   = [for i, w in split(" ", inputs.text) : { text = w, start = i / 4, end = (i + 1) / 4 }]
  }
}

mock "render.clip" {
  outputs = {
    video   = artifact("testdata/clip.mp4")
    seconds = inputs.seconds
  }
}

mock "render.film" {
  outputs = {
    encoder   = "libx264"
    video     = artifact("testdata/film.mp4")
    captions  = artifact("testdata/captions.srt")
    thumbnail = artifact("testdata/thumbnail.jpg")
    seconds   = 33.8
    width     = 1920
    height    = 1080
    loudness  = -14
  }
}

run "an article and a picture become a film" {
  inputs = {
    article = artifact("article.md")
    picture = artifact("picture.jpg")
  }
  expect {
    outputs = {
      seconds  = 33.8
      width    = 1920
      height   = 1080
      loudness = -14
    }
    nodes = {
      "node.speech[0]" = "succeeded"
      "node.film"      = "succeeded"
    }
    artifact "output.video" {
      media_type = "video/mp4"
      width      = 1920
      height     = 1080
      duration   = "33.8s"
      tolerance  = "100ms"
      min_size   = "1KiB"
    }
    artifact "output.captions" {
      media_type = "application/x-subrip"
      contains   = "00:00:00,000 --> "
    }
    condition {
      check   = length(node.plan.scenes) >= 4 && length(node.speech) == length(node.plan.scenes)
      message = "there should be at least four scenes, each of them spoken"
    }
    condition {
      check   = contains([for s in node.plan.scenes : s.heading if s.layout == "title"], node.plan.title)
      message = "a scene should show the article's title"
    }
    condition {
      check   = alltrue([for i, shot in node.shot : shot.seconds == node.speech[i].seconds])
      message = "a shot should last as long as what is said in it"
    }
  }
}

run "a longer film has more to say" {
  inputs = {
    article        = artifact("article.md")
    picture        = artifact("picture.jpg")
    target_seconds = 120
    voice          = "de"
  }
  expect {
    condition {
      check   = sum([for s in node.plan.scenes : length(words(s.caption))]) > 165
      message = "two minutes at 165 words a minute should be more than one of them"
    }
    condition {
      check   = alltrue([for s in node.speech : s.voice == "de"])
      message = "the voice should be the one that was asked for"
    }
  }
}

run "without a voice there is no film" {
  inputs = {
    article = artifact("article.md")
    picture = artifact("picture.jpg")
  }
  mock "voice.say" {
    fail = {
      message = "no speech engine is installed"
      hint    = "install one: apt-get install espeak-ng"
    }
  }
  expect {
    state = "failed"
    error = "apt-get install espeak-ng"
    nodes = {
      "node.plan" = "succeeded"
      "node.film" = "cancelled"
    }
  }
}

run "the height is one that encoders like" {
  inputs = {
    article = artifact("article.md")
    picture = artifact("picture.jpg")
    height  = 1000
  }
  diagnostics = ["the height is one of 180, 240"]
}

run "an article is text, and a picture is needed" {
  inputs      = { article = artifact("picture.jpg") }
  diagnostics = ["variable \"article\"", "variable \"picture\" needs a value"]
}
