// A WASI command that is made without the SDK and misbehaves on demand: the module "odd". Under the name "liar" it
// does not even describe itself.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

const manifest = `{"name": "odd", "version": "1.0.0", "node_types": [
	{"name": "odd.loop", "description": "Never ends", "inputs": {"type": "object"}, "outputs": {"type": "object"}},
	{"name": "odd.greedy", "description": "Allocates 4 GiB", "inputs": {"type": "object"}, "outputs": {"type": "object"}},
	{"name": "odd.garbage", "description": "Prints no JSON", "inputs": {"type": "object"}, "outputs": {"type": "object"}},
	{"name": "odd.fine", "description": "Answers", "inputs": {"type": "object"},
	 "outputs": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}}]}`

var kept [][]byte

func main() {
	if len(os.Args) > 1 && os.Args[1] == "describe" {
		if os.Args[0] == "liar" {
			fmt.Println("Welcome!")
			return
		}
		fmt.Println(manifest)
		return
	}
	var task struct{ Type string }
	_ = json.NewDecoder(os.Stdin).Decode(&task)
	switch task.Type {
	case "odd.loop":
		for n := 0; ; n++ {
			kept = kept[:0]
		}
	case "odd.greedy":
		for range 4 << 10 {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "odd.garbage":
		fmt.Println("Segmentation fault (just kidding)")
	case "odd.fine":
		fmt.Println(`{"outputs": {"text": "fine"}}`)
	}
}
