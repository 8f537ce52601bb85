name        = "render"
version     = "0.1.0"
description = "Cards, clips and films by ffmpeg"
binary      = "render"
