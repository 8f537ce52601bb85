# The agent of compose.yaml. Its engines run beside it and share their folders of models with it.
plugin "ollama" {
  url = "http://ollama:11434"
}

engine "ollama" {
  plugin = "ollama"
  url    = "http://ollama:11434"
  memory = env("OLLAMA_MEMORY")
}

plugin "comfyui" {
  url = "http://comfyui:8188"
}

engine "comfyui" {
  plugin     = "comfyui"
  url        = "http://comfyui:8188"
  memory     = env("COMFYUI_MEMORY")
  models_dir = "/comfyui/models"
}

models "comfyui" {
  folder = "/comfyui/models"
}
