types = "types.json" # written by spinbot node-types --json, for machines that lack the plugin

mock "text.slug" {
  outputs = { slug = slug(inputs.text) }
}

mock "hello.greet" {
  outputs = {
    text = "${inputs.word}, ${inputs.name}!"
    card = artifact("welcome.hcl")
  }
}

run "a guest is greeted" {
  inputs = { guest = "Ada Lovelace" }
  expect {
    outputs = { text = "ada-lovelace: Ahoy, Ada Lovelace!" }
    artifact "output.card" {
      media_type = "text/plain"
    }
  }
}

run "greeting is tried twice" {
  inputs = { guest = "Ada" }
  mock "hello.greet" {
    fail = {
      message  = "no voice"
      attempts = 1
    }
    outputs = {
      text = "attempt ${attempt}"
      card = artifact("welcome.hcl")
    }
  }
  expect {
    outputs = { text = "ada: attempt 2" }
  }
}

run "a guest is needed" {
  diagnostics = ["variable \"guest\" needs a value"]
}
