name        = "lora"
version     = "0.1.0"
description = "Trains LoRA adapters of image and language models, and works with them"
binary      = "lora"
