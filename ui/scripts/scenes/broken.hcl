# Fails, with a name that is far too long for any page.
pipeline "quarterly-report-for-the-board-with-every-single-appendix-and-index" {}

node "control.split_text" "sentences" {
  text = "One. Two. Three."
  by   = "sentences"
}

node "control.validate" "answer-of-the-model-that-was-asked-for-a-table-of-figures" {
  text   = jsonencode({ total = "many", of = node.sentences.count })
  mode   = "fail"
  schema = { type = "object", properties = { total = { type = "number" } } }
}

output "valid" {
  value = node.answer-of-the-model-that-was-asked-for-a-table-of-figures.value
}
