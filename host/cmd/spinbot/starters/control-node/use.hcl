pipeline "use" {}

variable "text" {
  type    = string
  default = "Hello, World"
}

node "NAME.slug" "it" {
  text = var.text
}

output "slug" {
  value = node.it.slug
}
