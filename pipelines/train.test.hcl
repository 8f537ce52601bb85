# What becomes of train.hcl, without trainers and engines: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "lora.train" {
  outputs = {
    trainer        = inputs.trainer
    family         = inputs.kind == "image" ? "sdxl" : ""
    adapter        = artifact("explainer/testdata/card.png")
    adapter_config = null
    gguf           = inputs.kind == "llm" ? artifact("types.json") : null
    settings       = artifact("types.json")
    log            = artifact("types.json")
    curve          = artifact("explainer/testdata/card.png")
    samples        = []
    kind           = inputs.kind
    base           = inputs.base
    steps          = inputs.steps
    loss           = 0.12345
    seconds        = 60
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
    advice  = ["Speak louder."]
  }
}

mock "asset.save" {
  outputs = { asset = "${inputs.as}@1" }
}

run "pictures become a LoRA that is saved" {
  inputs = {
    dataset = [artifact("explainer/picture.jpg")]
    base    = "sdxl"
    steps   = 20
    save_as = "anna"
    licence = "CC0-1.0"
  }
  expect {
    outputs = { assets = ["lora/anna@1"], voice = null, loss = 0.12345 }
    nodes = {
      "node.there[0]"     = "succeeded"
      "node.lora_kept[0]" = "succeeded"
    }
  }
}

run "texts become a LoRA on this machine, which is saved as Ollama takes it" {
  mock "asset.save" {
    outputs = { asset = inputs.file.name }
  }
  inputs = {
    dataset = [artifact("explainer/article.md")]
    base    = "tiny"
    kind    = "llm"
    save_as = "poet"
  }
  expect {
    outputs = { assets = ["types.json"] }
    nodes = {
      "node.here[0]" = "succeeded"
    }
  }
}

run "a recording becomes a voice, and nothing is saved" {
  inputs = {
    sample  = [artifact("explainer/testdata/speech.wav")]
    consent = true
  }
  expect {
    outputs = { adapter = null, advice = ["Speak louder."], assets = [] }
    nodes = {
      "node.heard[0]" = "succeeded"
      "node.voice[0]" = "succeeded"
    }
  }
}

run "both at once, under one name" {
  inputs = {
    dataset    = [artifact("explainer/picture.jpg")]
    base       = "sdxl"
    sample     = [artifact("explainer/testdata/speech.wav")]
    transcript = "Hello."
    consent    = true
    speaker    = "Anna Berg"
    save_as    = "anna"
  }
  expect {
    outputs = { assets = ["lora/anna@1", "voice/anna@1"] }
  }
}

run "there is nothing to learn from" {
  diagnostics = ["there is nothing to learn from"]
}

run "a voice without consent" {
  inputs = {
    sample = [artifact("explainer/testdata/speech.wav")]
  }
  diagnostics = ["only if whoever speaks has agreed"]
}

run "a name that is none" {
  inputs = {
    dataset = [artifact("explainer/picture.jpg")]
    save_as = "Anna Berg"
  }
  diagnostics = ["a name has 1 to 64 small letters"]
}
