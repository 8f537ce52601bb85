//go:build !wasip1

package guest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/myspinbot/spinbot/sdk"
)

// Main serves, in a program that is not WASM, for trying nodes out: with the argument describe it prints the manifest,
// with a node type's name it reads inputs as JSON from stdin and prints the outputs.
func Main(p sdk.Plugin) {
	if err := native(p, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func native(p sdk.Plugin, args []string, in io.Reader, out, reports io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: describe | <node type>; build it with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared for the host")
	}
	if args[0] == "describe" {
		_, err := fmt.Fprintf(out, "%s\n", p.Manifest().AppendJSON(nil))
		return err
	}
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	t := sdk.Task{Type: args[0]}
	if err := json.Unmarshal(data, &t.Inputs); err != nil {
		return fmt.Errorf("inputs: %w", err)
	}
	o := newRunner(p).run(t.WithReporter(func(r sdk.Report) { fmt.Fprintln(reports, r.Kind, r.Level, r.Fraction, r.Message) }))
	if o.Err != nil {
		return o.Err
	}
	data, err = o.Outputs.MarshalJSON()
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", data)
	}
	return err
}
