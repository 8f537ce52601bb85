pipeline "upload" {}

variable "file" {
  type = artifact
}

node "test.read" "it" {
  file = var.file
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "text" {
  value = node.it.text
}
