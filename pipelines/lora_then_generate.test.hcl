# What becomes of lora_then_generate.hcl, without trainers and engines: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "lora.train" {
  outputs = {
    trainer        = inputs.trainer
    family         = inputs.kind == "image" ? "sdxl" : ""
    adapter        = artifact("explainer/testdata/card.png")
    adapter_config = null
    gguf           = null
    settings       = artifact("types.json")
    log            = artifact("types.json")
    curve          = artifact("explainer/testdata/card.png")
    samples        = []
    kind           = "image"
    base           = "base"
    steps          = 10
    loss           = 0.1
    seconds        = 60
  }
}

mock "comfyui.txt2img" {
  outputs = {
    images     = [artifact("explainer/testdata/card.png")]
    checkpoint = "base"
    seed       = 1
  }
}

mock "ollama.create" {
  outputs = {
    model  = "taught"
    digest = "sha256:0"
    size   = 1
  }
}

mock "ollama.generate" {
  outputs = {
    text          = " world"
    answer        = null
    thinking      = ""
    model         = "taught"
    finish        = "stop"
    prompt_tokens = 1
    tokens        = 1
    tries         = 1
  }
}

run "pictures teach an image model" {
  inputs = {
    dataset = [artifact("explainer/picture.jpg")]
    base    = "base"
    prompt  = "a face"
  }
  expect {
    outputs = { text = null }
    nodes = {
      "node.picture_lora" = "succeeded"
      "node.picture"      = "succeeded"
      "node.text_lora"    = "skipped"
    }
  }
}

run "texts teach a language model" {
  inputs = {
    dataset = [artifact("explainer/article.md")]
    base    = "base"
    prompt  = "hello"
    profile = "cpu"
  }
  expect {
    outputs = { text = " world" }
    nodes = {
      "node.picture_lora" = "skipped"
      "node.text_lora"    = "succeeded"
    }
  }
}
