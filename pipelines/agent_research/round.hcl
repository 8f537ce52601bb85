# One round of agent_research.hcl: the model is asked, and the calls that it wants are carried out.

pipeline "agent_research_round" {
  description = "A model answers, or has pages fetched"
  language    = 1
}

variable "question" {
  type        = string
  description = "What to find out"
}

variable "model" {
  type        = string
  description = "A model of Ollama that takes tools; null: the plugin's own"
  default     = null
}

variable "sources" {
  type        = string
  description = "Where the model may look"
}

variable "messages" {
  type        = any
  description = "What was said in the rounds before"
  default     = []
}

variable "results" {
  type        = any
  description = "What the calls of the round before gave, by their ids"
  default     = {}
}

node "ollama.chat" "think" {
  model    = var.model
  system   = "You answer questions from sources, never from memory. ${var.sources} Call control_http with url to read one, several at once if that helps; nothing but url counts. When you know the answer, give it in a few sentences, with the addresses that it comes from."
  prompt   = length(var.messages) == 0 ? var.question : null
  messages = var.messages
  results  = var.results
  tools    = ["control.http"]
  timeout  = "10m"
  retry {
    attempts = 3
    backoff  = "2s"
  }
}

node "control.http" "read" {
  for_each   = { for c in node.think.calls : c.id => c.inputs.url if c.type == "control.http" }
  url        = each.value
  timeout    = "30s"
  on_failure = "continue"
  retry {
    attempts = 2
    backoff  = "1s"
  }
}

output "text" {
  value = node.think.text
}

output "calls" {
  value = node.think.calls
}

output "messages" {
  value = node.think.messages
}

output "results" {
  value = { for id, page in node.read : id => page == null ? null : { status = page.status, text = page.text } }
}
