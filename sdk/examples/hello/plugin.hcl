name        = "hello"
version     = "1.0.0"
description = "Greets people"
binary      = "hello"
