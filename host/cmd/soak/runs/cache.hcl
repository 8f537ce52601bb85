pipeline "cache" {}

variable "it" {
  type = string
}

node "test.write" "it" {
  text = var.it
  retry {
    attempts = 10
    backoff  = "50ms"
  }

  cache {
    ttl = "1h"
  }
}

output "file" {
  value = node.it.file
}
