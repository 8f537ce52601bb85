// Command talk is a control node that says many lines: what measure.mjs fills a run's log with.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const manifest = `{"name": "talk", "version": "1.0.0", "description": "Says lines", "node_types": [{
  "name": "talk.lines", "description": "Says lines", "revision": "1", "idempotent": true,
  "inputs": {"type": "object", "required": ["lines"], "properties": {"lines": {"type": "integer", "description": "How many"}}},
  "outputs": {"type": "object", "properties": {}}}]}`

func main() {
	if len(os.Args) > 1 && os.Args[1] == "describe" {
		fmt.Println(manifest)
		return
	}
	var task struct {
		Inputs struct {
			Lines int `json:"lines"`
		} `json:"inputs"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&task); err != nil {
		fmt.Printf(`{"error": {"message": %q}}`, err)
		return
	}
	for i := range task.Inputs.Lines {
		fmt.Fprintf(os.Stderr, "line %d of %d: the quick brown fox jumps over the lazy dog\n", i+1, task.Inputs.Lines)
	}
	fmt.Println(`{"outputs": {}}`)
}
