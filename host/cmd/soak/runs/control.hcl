pipeline "control" {}

variable "who" {
  type = string
}

node "control.template" "first" {
  template = "hello {{who}}"
  values   = { who = var.who }
}

node "control.template" "second" {
  template = "{{text}}!"
  values   = { text = node.first.text }
}

output "text" {
  value = node.second.text
}
