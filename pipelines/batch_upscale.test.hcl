# What becomes of batch_upscale.hcl, without a server: spinbot test pipelines

types = "types.json" # of the plugins, for machines that lack them

mock "comfyui.upscale" {
  outputs = { image = artifact("explainer/testdata/thumbnail.jpg") }
}

mock "render.resize" {
  outputs = {
    image  = artifact("explainer/testdata/card.png")
    width  = 640
    height = 360
  }
}

run "each picture is made larger" {
  inputs = { pictures = [artifact("explainer/picture.jpg"), artifact("explainer/testdata/thumbnail.jpg")] }
  expect {
    outputs = { left_out = [] }
    nodes = {
      "node.upscaled[0]" = "succeeded"
      "node.upscaled[1]" = "succeeded"
    }
    condition {
      check   = length(output.pictures) == 2
      message = "two pictures should have become two"
    }
  }
}

run "one that cannot be read is left out and named" {
  inputs = { pictures = [artifact("explainer/picture.jpg")] }
  mock "comfyui.upscale" {
    fail = {
      message   = "the picture cannot be read"
      permanent = true
    }
  }
  expect {
    state = "succeeded"
    outputs = {
      pictures = []
      left_out = ["picture.jpg"]
    }
  }
}

run "without a server they are resized" {
  inputs = {
    pictures = [artifact("explainer/picture.jpg")]
    profile  = "cpu"
  }
  expect {
    outputs = { left_out = [] }
    nodes   = { "node.resized[0]" = "succeeded" }
  }
}
