pipeline "gate" {}

node "control.template" "draft" {
  template = "draft"
}

gate "review" {
  message    = "Is ${node.draft.text} right?"
  timeout    = "90s"
  on_timeout = "fail"
  form "title" {
    type    = string
    default = node.draft.text
  }
}

output "title" {
  value = gate.review.form.title
}
