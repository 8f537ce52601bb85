pipeline "use" {}

variable "guest" {
  type    = string
  default = "Ada"
}

node "NAME.greet" "card" {
  name = var.guest
  word = "Ahoy"
}

output "text" {
  value = node.card.text
}

output "card" {
  value = node.card.card
}
