name        = "artifact"
version     = "0.1.0"
description = "Makes artifacts of values and files, and lays artifacts out in folders of the machine"
binary      = "artifact"
