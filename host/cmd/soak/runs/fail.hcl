pipeline "fail" {}

node "test.fail" "it" {
  message = "as it was told"
  retry {
    attempts = 3
    backoff  = "10ms"
  }
}
