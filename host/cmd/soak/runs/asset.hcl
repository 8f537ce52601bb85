pipeline "asset" {}

node "test.read" "it" {
  file = asset("style/STYLE")
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "text" {
  value = node.it.text
}
