name        = "ollama"
version     = "0.1.0"
description = "Language models of an Ollama that you have, or that it starts"
binary      = "ollama"
