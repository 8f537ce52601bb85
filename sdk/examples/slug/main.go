// Command slug is a control node: text.slug, compiled to WASM.
package main

import (
	"context"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

type slugIn struct {
	Text string `doc:"Any text"`
}

type slugOut struct {
	Slug string `doc:"The text in lower case, with - for all but letters and digits"`
}

func slug(_ context.Context, in slugIn, _ *sdk.Task) (slugOut, error) {
	words := strings.FieldsFunc(strings.ToLower(in.Text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if len(words) == 0 {
		return slugOut{}, sdk.Refuse("the text has no letter and no digit", "give a text with some")
	}
	return slugOut{strings.Join(words, "-")}, nil
}

var plugin = sdk.Plugin{
	Name: "text", Version: "1.0.0", Description: "Small things to do with text",
	Nodes: []sdk.Node{sdk.NodeOf(sdk.NodeType{
		Name: "text.slug", Description: "Makes a name for files and addresses of a text", Revision: "1", Idempotent: true,
	}, slug)},
}

func main() { guest.Main(plugin) }
