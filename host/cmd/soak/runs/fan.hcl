pipeline "fan" {}

variable "n" {
  type = number
}

node "test.echo" "each" {
  for_each = range(var.n)
  value    = each.value * 2
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "all" {
  value = node.each[*].value
}
