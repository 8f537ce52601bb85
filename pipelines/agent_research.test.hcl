# What becomes of agent_research.hcl, without a model and without a network: spinbot test pipelines

types = "agent_research/types.json" # of the plugins, for machines that lack them

# A model that reads a page for each word of the question that is an address, and answers when it has read them.
mock "ollama.chat" {
  outputs = {
    text = length(inputs.messages) == 0 ? "" : join(" ", [for id, page in inputs.results : page == null ? "${id} failed." : page.text])
    calls = length(inputs.messages) > 0 ? [] : [for i, url in [for word in split(" ", inputs.prompt) : word if startswith(word, "https:")] :
    { id = "call_${i + 1}", type = "control.http", inputs = { url = url } }]
    messages      = [{ role = "user", content = "x" }]
    thinking      = ""
    model         = "mock"
    finish        = "stop"
    prompt_tokens = 1
    tokens        = 1
    tries         = 1
  }
}

mock "control.http" {
  outputs = {
    status  = 200
    headers = {}
    text    = "It is said at ${inputs.url}."
    json    = null
  }
}

run "two pages are read, then it answers" {
  inputs = { question = "compare https://a.example and https://b.example" }
  expect {
    outputs = { answer = "It is said at https://a.example. It is said at https://b.example." }
    nodes = {
      "module.agent~1/node.read[\"call_1\"]" = "succeeded"
      "module.agent~1/node.read[\"call_2\"]" = "succeeded"
      "module.agent~2/node.think"            = "succeeded"
    }
  }
}

run "an answer that needs no page" {
  inputs = { question = "hello" }
  expect {
    outputs = { answer = "" }
    nodes   = { "module.agent~1/node.think" = "succeeded" }
  }
}

run "a page that cannot be had is told to the model" {
  inputs = { question = "read https://a.example" }
  mock "control.http" {
    fail = {
      message   = "answered with status 404"
      permanent = true
    }
  }
  expect {
    state   = "succeeded"
    outputs = { answer = "call_1 failed." }
    nodes   = { "module.agent~1/node.read[\"call_1\"]" = "failed" }
  }
}

run "a model that never answers ends the run" {
  inputs = { question = "read https://a.example" }
  mock "ollama.chat" {
    outputs = {
      text          = ""
      calls         = [{ id = "call_1", type = "control.http", inputs = { url = "https://a.example" } }]
      messages      = []
      thinking      = ""
      model         = "mock"
      finish        = "stop"
      prompt_tokens = 1
      tokens        = 1
      tries         = 1
    }
  }
  expect {
    state = "failed"
    error = "not good enough after 6 rounds"
    nodes = { "module.agent~6/node.think" = "succeeded" }
  }
}
