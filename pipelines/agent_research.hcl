# A question is answered by a language model that looks things up first:
#
#   spinbot plugins grant control.http http --host en.wikipedia.org --method GET
#   spinbot run pipelines/agent_research.hcl --var question="Who designed the Bell Rock Lighthouse?"
#
# In each round the model answers, or says which pages it wants to read: each is fetched by a node of its own, all at
# once, and what came goes back to the model. A page that cannot be had is told to the model, and the run goes on. After
# six rounds without an answer the run fails. Any model for Ollama that takes tools will do, on a CPU too:
# --var model=qwen2.5:0.5b. It reads only hosts that control.http was granted, and only with GET, whatever it asks for.

pipeline "agent_research" {
  description = "A question is answered by a model that reads pages first"
  timeout     = "30m"
  language    = 1
}

variable "question" {
  type        = string
  description = "What to find out"
  validation {
    condition = length(var.question) > 0
    message   = "ask something"
  }
}

variable "model" {
  type        = string
  description = "A model of Ollama that takes tools; null: the plugin's own"
  default     = null
}

variable "sources" {
  type        = string
  description = "Where the model may look, in words, with addresses"
  default     = "Search Wikipedia with https://en.wikipedia.org/w/rest.php/v1/search/page?limit=3&q=WORDS and read an article with https://en.wikipedia.org/api/rest_v1/page/summary/TITLE."
}

module "agent" {
  source   = "./agent_research/round.hcl"
  question = var.question
  model    = var.model
  sources  = var.sources
  repeat {
    max   = 6
    until = length(self.calls) == 0
    next  = { messages = self.messages, results = self.results }
  }
}

output "answer" {
  value       = module.agent.text
  description = "What the model found out"
}

output "messages" {
  value       = module.agent.messages
  description = "All that was said and read on the way"
}
