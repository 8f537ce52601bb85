# What must come of hello.hcl: spinbot test

run "the world is greeted" {
  expect {
    outputs = { greeting = "HELLO, WORLD!" }
    nodes = {
      "node.sentences" = "succeeded"
      "node.words[2]"  = "succeeded"
    }
    condition {
      check   = length(output.pieces) == 3
      message = "there should be three sentences, not ${length(output.pieces)}"
    }
  }
}

run "somebody else is greeted" {
  inputs = { name = "Grace" }
  expect {
    outputs = { greeting = "HELLO, GRACE!" }
  }
}

# A mock stands in for a node, so that a test can say what it gives.
run "there is nothing to say" {
  mock "node.sentences" {
    fail = { message = "lost for words" }
  }
  expect {
    error = "lost for words"
    nodes = { "node.words" = "cancelled" }
  }
}

run "nobody is greeted" {
  inputs      = { name = " " }
  diagnostics = ["somebody has to be greeted"]
}
