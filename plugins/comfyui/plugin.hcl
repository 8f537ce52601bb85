name        = "comfyui"
version     = "0.1.0"
description = "Runs ComfyUI workflows on a server that you have, or that it starts"
binary      = "comfyui"
