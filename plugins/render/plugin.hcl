name        = "render"
version     = "0.1.0"
description = "Cards, clips, films and previews by ffmpeg"
binary      = "render"
