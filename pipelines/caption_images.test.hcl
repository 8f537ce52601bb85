# What becomes of caption_images.hcl, without a model: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "ollama.chat" {
  outputs = {
    text = ""
    answer = {
      caption = "The sun sets behind hills."
      alt     = "A yellow sun, half behind violet hills, under a sky with stars."
      tags    = ["Sunset", "hills"]
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

mock "render.card" {
  outputs = { image = artifact("explainer/testdata/card.png") }
}

run "a model says what is there" {
  inputs = {
    pictures = [artifact("explainer/picture.jpg")]
    tags     = ["sunset", "city"]
  }
  expect {
    nodes = { "node.captioned[0]" = "succeeded" }
    condition {
      check   = output.captions[0].caption == "The sun sets behind hills." && output.captions[0].file == "picture.jpg"
      message = "the caption is the model's, and names its file"
    }
    condition {
      check   = output.captions[0].tags == ["sunset"]
      message = "only tags that are allowed are kept"
    }
  }
}

run "without a model the file's name is the caption" {
  inputs = {
    pictures = [artifact("explainer/picture.jpg")]
    profile  = "cpu"
  }
  expect {
    condition {
      check   = output.captions[0].caption == "Picture" && output.captions[0].tags == ["picture"]
      message = "the name should have become a caption"
    }
  }
}
