// The plugin "test" of a third party: the conformance suite's node types, and some that leave traces in files, so
// that scripts can steer them and count what was done.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest/nodes"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/serve"
)

func main() {
	p := nodes.Plugin()
	p.Version = cmp.Or(os.Getenv("TEST_VERSION"), p.Version) // a script around this program may set it
	p.Nodes = append(p.Nodes,
		sdk.NodeOf(about("append", "Appends a line to a file"), appendLine),
		sdk.NodeOf(about("until", "Says that it waits, and waits until a file is there"), until),
		sdk.NodeOf(about("once", "Crashes until a file is there"), once),
		sdk.NodeOf(about("picture", "Takes a picture"), picture),
		sdk.NodeOf(about("paint", "Wants model files"), paint),
		sdk.NodeOf(about("told", "Tells what the plugin was told in spinbot.hcl"), tellTold),
		sdk.NodeOf(gpu("gpu", 0), onDevice),
		sdk.NodeOf(gpu("gpu_big", 20<<30), onDevice),
	)
	p.Resident, p.Unload = resident, unload
	schema, err := sdk.SchemaOf[configuration]()
	if err != nil {
		panic(err)
	}
	p.ConfigSchema = &schema
	p.Configure = func(_ context.Context, v sdk.Values) error {
		fmt.Fprintln(os.Stderr, "told", v)
		return sdk.Bind(v, &told)
	}
	serve.Plugin(p)
}

type configuration struct {
	Greeting string `default:"hello"`
	Slots    int    `default:"1" min:"1" max:"8"`
	Token    string `default:"" spin:"token,sensitive"`
	TLS      *struct {
		CA string
	} `spin:"tls"`
}

var told configuration

type paintIn struct {
	Checkpoint string   `model:"checkpoints"`
	LoRAs      []string `spin:"loras,optional" model:"loras"`
}

type paintOut struct{ Painted string }

func paint(_ context.Context, in paintIn, _ *sdk.Task) (paintOut, error) {
	return paintOut{"with " + in.Checkpoint}, nil
}

type toldOut struct {
	Greeting string
	Slots    int
	CA       string
	// Token is its length.
	Token int
}

func tellTold(context.Context, none, *sdk.Task) (toldOut, error) {
	out := toldOut{Greeting: told.Greeting, Slots: told.Slots, Token: len(told.Token)}
	if told.TLS != nil {
		out.CA = told.TLS.CA
	}
	return out, nil
}

func about(verb, does string) sdk.NodeType {
	return sdk.NodeType{Name: "test." + verb, Description: does, Revision: "1", Idempotent: verb != "append"}
}

type line struct {
	File, Line string
}

type lineOut struct{ Line string }

func appendLine(_ context.Context, in line, _ *sdk.Task) (lineOut, error) {
	f, err := os.OpenFile(in.File, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return lineOut{}, err
	}
	_, err = fmt.Fprintln(f, in.Line)
	if e := f.Close(); err == nil {
		err = e
	}
	return lineOut{in.Line}, err
}

type fileIn struct{ File string }

type none struct{}

func there(path string) bool { _, err := os.Stat(path); return err == nil }

func until(ctx context.Context, in fileIn, t *sdk.Task) (none, error) {
	t.Progress(0.25, "waiting for "+in.File)
	t.Log("info", "waiting for "+in.File)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there(in.File) {
		select {
		case <-ctx.Done():
			return none{}, ctx.Err()
		case <-tick.C:
		}
	}
	return none{}, nil
}

func once(_ context.Context, in fileIn, _ *sdk.Task) (none, error) {
	if !there(in.File) {
		fmt.Fprintln(os.Stderr, "test.once: no", in.File)
		os.Exit(3)
	}
	return none{}, nil
}

type pictureIn struct {
	Picture sdk.Artifact `spin:"picture" accept:"image/*"`
}

func picture(_ context.Context, in pictureIn, _ *sdk.Task) (lineOut, error) {
	return lineOut{in.Picture.MediaType}, nil
}
