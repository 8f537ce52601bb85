pipeline "write" {}

variable "text" {
  type = string
}

variable "times" {
  type = number
}

node "test.write" "it" {
  text = join("", [for k in range(var.times) : var.text])
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

node "test.read" "back" {
  file = node.it.file
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "file" {
  value = node.it.file
}

output "same" {
  value = length(node.back.text) == length(var.text) * var.times
}
