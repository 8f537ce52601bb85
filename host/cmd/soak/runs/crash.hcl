pipeline "crash" {}

node "test.crash" "it" {
  retry {
    attempts = 2
    backoff  = "10ms"
  }
}
