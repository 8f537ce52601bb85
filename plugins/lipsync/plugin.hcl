name        = "lipsync"
version     = "0.1.0"
description = "Makes a portrait speak: with its own quick preview engine, or with Wav2Lip, SadTalker, LatentSync, InfiniteTalk or a program or service of yours, or in ComfyUI"
binary      = "lipsync"
