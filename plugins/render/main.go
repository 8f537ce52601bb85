// Command render is MySpinBot's plugin for pictures and films: cards, clips, films, media facts, by ffmpeg.
package main

import (
	"github.com/myspinbot/spinbot/plugins/render/shorts"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() { serve.Plugin(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:        "render",
		Version:     "0.1.0",
		Description: "Cards, clips, films and previews by ffmpeg",
		Nodes:       append(shorts.Nodes(), cardNode(), clipNode(), filmNode(), probeNode(), resizeNode(), thumbnailNode(), waveformNode(), captionsNode(), upscaleNode(), convertNode(), musicNode(), levelNode(), composeNode()),
	}
}
