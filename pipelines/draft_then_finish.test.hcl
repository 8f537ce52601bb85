# What becomes of draft_then_finish.hcl, without a server: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "comfyui.txt2img" {
  outputs = {
    images     = [artifact("explainer/picture.jpg")]
    checkpoint = "mock"
    seed       = inputs.seed
  }
}

mock "comfyui.upscale" {
  outputs = { image = artifact("explainer/picture.jpg") }
}

mock "comfyui.img2img" {
  outputs = {
    images     = [artifact("explainer/testdata/thumbnail.jpg")]
    checkpoint = "mock"
    seed       = inputs.seed
  }
}

run "the chosen draft is finished with its seed" {
  inputs = {
    prompt = "a lighthouse"
    drafts = 4
    seed   = 10
  }
  answer "choose" {
    approved = true
    form     = { draft = 3 }
  }
  expect {
    outputs = { seed = 12 }
    nodes = {
      "node.draft[3]"  = "succeeded"
      "node.finish[0]" = "succeeded"
    }
    artifact "output.picture" {
      media_type = "image/jpeg"
    }
  }
}

run "none is good enough" {
  inputs = { prompt = "a lighthouse" }
  answer "choose" {
    approved = false
  }
  expect {
    state   = "succeeded"
    outputs = { picture = null }
  }
}
