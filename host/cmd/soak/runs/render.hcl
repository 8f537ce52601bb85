pipeline "render" {}

variable "picture" {
  type = artifact
}

node "render.resize" "it" {
  picture = var.picture
  factor  = 3
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "image" {
  value = node.it.image
}

output "width" {
  value = node.it.width
}
