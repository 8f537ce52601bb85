pipeline "effect" {}

variable "file" {
  type = string
}

variable "line" {
  type = string
}

node "test.echo" "before" {
  value = var.line
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

node "test.append" "effect" {
  file = var.file
  line = node.before.value
}

output "line" {
  value = node.effect.line
}
