name        = "voice"
version     = "0.1.0"
description = "Speaks text, with a voice of an engine or one made of a recording; writes down and times what is said"
binary      = "voice"
