// Package nodes offers node types that do on demand what executors must cope with: answer, fail, report, hang, crash.
// The same plugin is built as a subprocess and as a WASM module for the conformance suite.
package nodes

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Plugin offers every node type of this package.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "test", Version: "1.0.0", Description: "Node types for the conformance suite of executors",
		Nodes: []sdk.Node{
			sdk.NodeOf(about("echo", "Gives its value back"), echo),
			sdk.NodeOf(about("context", "Tells what it knows of its task"), taskContext),
			sdk.NodeOf(about("fail", "Fails as told"), fail),
			sdk.NodeOf(about("panic", "Panics"), panics),
			sdk.NodeOf(about("crash", "Ends its process"), crash),
			sdk.NodeOf(about("hang", "Never ends, whatever its context says"), hang),
			sdk.NodeOf(about("wait", "Waits"), wait),
			sdk.NodeOf(about("report", "Reports progress and a line of log"), report),
			sdk.NodeOf(about("read", "Reads an artifact"), read),
			sdk.NodeOf(about("write", "Writes an artifact into the scratch folder"), write),
			sdk.NodeOf(about("blurt", "Tells its secret wherever it can"), blurt),
		},
	}
}

func about(verb, description string) sdk.NodeType {
	return sdk.NodeType{Name: "test." + verb, Description: description, Revision: "1", Idempotent: true}
}

type value struct {
	Value any `spin:"value" doc:"Anything"`
}

func echo(_ context.Context, in value, _ *sdk.Task) (value, error) { return in, nil }

type contextOut struct {
	Address, Owner, Pipeline, Checkpoint string
	Time, Deadline                       string // RFC 3339 with nanoseconds, UTC; empty for none
	Seed                                 uint64
}

func taskContext(_ context.Context, _ struct{}, t *sdk.Task) (contextOut, error) {
	return contextOut{
		Address: t.Address.String(), Owner: t.Owner, Pipeline: t.Pipeline, Checkpoint: string(t.Checkpoint),
		Time: stamp(t.Time), Deadline: stamp(t.Deadline), Seed: t.Seed,
	}, nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

type failIn struct {
	Message   string `doc:"What went wrong"`
	Hint      string `spin:",optional"`
	Detail    string `spin:",optional"`
	Permanent bool   `default:"false"`
}

func fail(_ context.Context, in failIn, _ *sdk.Task) (struct{}, error) {
	return struct{}{}, &sdk.Error{Cause: sdk.CauseFailed, Message: in.Message, Hint: in.Hint, Detail: in.Detail, Permanent: in.Permanent}
}

func panics(context.Context, struct{}, *sdk.Task) (struct{}, error) { panic("test.panic panics") }

func crash(context.Context, struct{}, *sdk.Task) (struct{}, error) {
	_, _ = os.Stderr.WriteString("test.crash: going down\n")
	os.Exit(3)
	return struct{}{}, nil
}

func hang(_ context.Context, _ struct{}, t *sdk.Task) (struct{}, error) {
	t.Log("info", "hangs from now on")
	forever()
	return struct{}{}, nil
}

type waitIn struct {
	For time.Duration `doc:"How long"`
}

func wait(ctx context.Context, in waitIn, _ *sdk.Task) (struct{}, error) {
	select {
	case <-time.After(in.For):
		return struct{}{}, nil
	case <-ctx.Done():
		return struct{}{}, ctx.Err()
	}
}

type reportIn struct {
	Count int `default:"3" min:"1"`
}

func report(_ context.Context, in reportIn, t *sdk.Task) (struct{}, error) {
	for i := range in.Count {
		t.Progress(float64(i+1)/float64(in.Count), "part "+strconv.Itoa(i+1))
	}
	t.Log("warn", "nearly done")
	return struct{}{}, nil
}

type readIn struct {
	File sdk.Artifact
}

type readOut struct {
	Text, Path string
}

func read(_ context.Context, in readIn, _ *sdk.Task) (readOut, error) {
	b, err := os.ReadFile(in.File.Path)
	return readOut{string(b), in.File.Path}, err
}

type writeIn struct {
	Name string `default:"note.txt"`
	Text string
}

type writeOut struct {
	File sdk.Artifact
}

func write(_ context.Context, in writeIn, t *sdk.Task) (writeOut, error) {
	path := filepath.Join(t.Scratch, in.Name)
	err := os.WriteFile(path, []byte(in.Text), 0o600)
	return writeOut{sdk.File(path, in.Name, "text/plain")}, err
}
