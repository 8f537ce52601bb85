// Package splittext is control.split_text: a text in pieces that the next nodes can each work on.
package splittext

import (
	"context"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// maxText is the longest text in bytes that is read.
const maxText = 8 << 20

type inputs struct {
	Text      string        `spin:",optional" doc:"The text itself; or give a file"`
	File      *sdk.Artifact `spin:"file" accept:"text/*" doc:"A text file, instead of text"`
	By        string        `default:"paragraphs" enum:"paragraphs|sentences|length" doc:"Where to cut: at blank lines, after each sentence, or into pieces as long as max_length allows"`
	MaxLength int           `default:"0" min:"0" max:"1000000" doc:"Most characters of a piece; 0 means any with paragraphs and sentences, and 1000 with length. Longer ones are cut after a sentence, else between words"`
}

type outputs struct {
	Chunks []string `doc:"The pieces in their order, without the white space around them"`
	Count  int      `doc:"How many there are"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.split_text",
		Description: "Cuts a text into pieces by paragraphs, sentences or length, without losing a word",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "One piece per paragraph of a file",
			HCL: `node "control.split_text" "parts" {
  file       = var.article
  by         = "paragraphs"
  max_length = 600
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	text, name, err := value.Source{Name: "text", Text: in.Text, File: in.File, Max: maxText}.Read()
	if err != nil {
		return outputs{}, err
	}
	chunks := split(text, in.By, in.MaxLength)
	if len(chunks) == 0 {
		return outputs{}, sdk.Refuse(name+" is empty: there is nothing to split", "give a text with at least one word")
	}
	return outputs{Chunks: chunks, Count: len(chunks)}, nil
}
