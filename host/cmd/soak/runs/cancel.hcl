pipeline "cancel" {}

node "test.wait" "it" {
  for = "10m"
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}
