# A text is cut into sentences, and each is counted and shouted:
#
#   spinbot run hello.hcl
#   spinbot run hello.hcl --var name=Grace
#
# Change a line and run it again. spinbot node-types lists what nodes can do, spinbot console what expressions can.

pipeline "hello" {
  description = "Greets somebody, one sentence at a time"
}

variable "name" {
  type        = string
  description = "Who is greeted"
  default     = "world"
  validation {
    condition = length(trimspace(var.name)) > 0
    message   = "somebody has to be greeted"
  }
}

# Expressions that several blocks use.
locals {
  greeting = "Hello, ${var.name}! This was made by a pipeline. Every step of it is kept."
}

# A control node: it runs in a sandbox within spinbot itself, and needs no plugin.
node "control.split_text" "sentences" {
  text = local.greeting
  by   = "sentences"
}

# It mentions node.sentences, so it waits for it; its instances then run at the same time.
node "control.split_text" "words" {
  for_each   = node.sentences.chunks
  text       = each.value
  by         = "length"
  max_length = 12
}

output "greeting" {
  value       = upper(node.sentences.chunks[0])
  description = "The first sentence, shouted"
}

output "pieces" {
  value       = { for i, w in node.words : node.sentences.chunks[i] => w.count }
  description = "Every sentence, and into how many short lines it fits"
}
