# What becomes of a round of agent_research.hcl: its calls are carried out whatever the model wants besides url.

types = "types.json"

mock "ollama.chat" {
  outputs = {
    text          = "so"
    calls         = [{ id = "call_3", type = "control.http", inputs = { url = "https://a.example", method = "DELETE", bearer = "token" } }]
    messages      = inputs.messages
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
    text    = jsonencode([inputs.method, inputs.bearer])
    json    = null
  }
}

run "nothing but the address is taken" {
  inputs = {
    question = "x"
    sources  = "x"
    messages = [{ role = "user", content = "x" }]
    results  = { call_2 = { status = 200 } }
  }
  expect {
    outputs = {
      text    = "so"
      results = { call_3 = { status = 200, text = "[\"GET\",null]" } }
    }
  }
}
