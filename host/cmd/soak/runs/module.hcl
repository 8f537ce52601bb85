pipeline "module" {}

variable "who" {
  type = string
}

module "part" {
  source = "./part.hcl"
  who    = var.who
}

output "text" {
  value = module.part.text
}
