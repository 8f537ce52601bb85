// Command hello is a whole plugin: one node type, hello.greet.
package main

import (
	"context"
	"os"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

type greetIn struct {
	Name string `doc:"Whom to greet" min:"1"`
	Word string `doc:"How to begin" default:"Hello" enum:"Hello|Good morning|Ahoy"`
}

type greetOut struct {
	Text string       `doc:"The greeting"`
	Card sdk.Artifact `doc:"The greeting as a file" accept:"text/plain"`
}

func greet(_ context.Context, in greetIn, t *sdk.Task) (greetOut, error) {
	t.Progress(0.5, "greeting "+in.Name)
	text := in.Word + ", " + in.Name + "!"
	card := t.Scratch + "/card.txt"
	err := os.WriteFile(card, []byte(text+"\n"), 0o600)
	return greetOut{text, sdk.File(card, "card.txt", "text/plain")}, err
}

var plugin = sdk.Plugin{
	Name: "hello", Version: "1.0.0", Description: "Greets people",
	Nodes: []sdk.Node{sdk.NodeOf(sdk.NodeType{
		Name: "hello.greet", Description: "Writes a greeting, as text and as a file", Revision: "1", Idempotent: true,
	}, greet)},
}

func main() { serve.Plugin(plugin) }
