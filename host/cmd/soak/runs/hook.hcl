pipeline "hook" {}

variable "who" {
  type = string
}

secret "hook" {}

trigger "webhook" "visit" {
  secret = secret.hook
  inputs = { who = trigger.body.who }
}

node "control.template" "greet" {
  template = "hello {{who}}"
  values   = { who = var.who }
}

output "text" {
  value = node.greet.text
}
