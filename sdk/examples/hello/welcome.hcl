pipeline "welcome" {}

variable "guest" {
  type = string
}

node "text.slug" "id" {
  text = var.guest
}

node "hello.greet" "card" {
  name    = var.guest
  word    = "Ahoy"
  timeout = "10s"
  retry {
    attempts = 2
  }
}

output "text" {
  value = "${node.id.slug}: ${node.card.text}"
}

output "card" {
  value = node.card.card
}
