# What the downloader brings before ComfyUI needs it. Each file is verified, and none written over; for each write
#   model "checkpoints/base.safetensors" {
#     url    = "https://…"
#     digest = "sha256:…"        # sha256sum prints it; most sites show it
#   }
models "comfyui" {
  folder = "/comfyui/models"
}
