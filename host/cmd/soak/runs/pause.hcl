pipeline "pause" {}

node "test.wait" "it" {
  for = "50ms"
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

node "control.template" "after" {
  template   = "went on"
  depends_on = [node.it]
}

output "text" {
  value = node.after.text
}
