# Draws cards, and asks which of them is good: it is left waiting for an answer.
pipeline "cover" {
  description = "Three drafts of a cover, and a person who chooses"
}

node "render.card" "draft" {
  for_each = ["A quiet night in the harbour", "What the tide brings back", "The last ferry"]
  layout   = "title"
  heading  = each.value
}

gate "choose" {
  message = "Which cover tells the story best?"
  show = {
    drafts = [for d in node.draft : d.image]
  }
}

node "render.card" "final" {
  when    = gate.choose.approved
  layout  = "title"
  heading = "The last ferry"
}

output "cover" {
  value = node.final.image
}
