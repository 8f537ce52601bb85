name        = "voice"
version     = "0.1.0"
description = "Speaks text with the first engine that can: an HTTP service, Piper, flite or espeak-ng"
binary      = "voice"
