name        = "NAME"
version     = "1.0.0"
description = "Greets people"
binary      = "NAME"
