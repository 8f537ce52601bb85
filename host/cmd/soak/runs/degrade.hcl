pipeline "degrade" {}

variable "vram" {
  type = string
}

node "test.gpu" "it" {
  model = "llama"
  size  = 2
  room  = 24
  vram  = var.vram
  fail  = "oom"
  device {
    memory = "2GiB"
  }
  degrade {
    on  = "out_of_memory"
    set = { fail = "" }
  }
  retry {
    attempts = 10
    backoff  = "50ms"
  }
}

output "devices" {
  value = length(node.it.devices)
}
