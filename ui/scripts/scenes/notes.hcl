# Writes notes, of which each is about something else, and has a model read them on a device.
pipeline "notes" {}

variable "about" {
  type    = list(string)
  default = ["waves around a lighthouse at dusk", "sheep on a meadow in spring", "a train leaves the station in the rain"]
}

node "artifact.store" "note" {
  for_each = var.about
  text     = each.value
  name     = "note ${each.key + 1}.txt"
}

node "ollama.embed" "read" {
  model = "tiny"
  texts = var.about
}

output "notes" {
  value = node.note[*].file
}
