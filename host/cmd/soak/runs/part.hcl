pipeline "part" {}

variable "who" {
  type = string
}

node "test.echo" "it" {
  value = "part of ${var.who}"
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "text" {
  value = node.it.value
}
