pipeline "plugin" {}

variable "it" {
  type = string
}

node "test.echo" "it" {
  value = var.it
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

node "test.report" "said" {
  count      = 20
  depends_on = [node.it]
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "it" {
  value = node.it.value
}
