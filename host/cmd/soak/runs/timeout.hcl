pipeline "timeout" {}

gate "nobody" {
  message    = "Is anybody there?"
  timeout    = "200ms"
  on_timeout = "fail"
}
