// Command fakepython is a Python that can run one program: comfytest's main.py.
package main

import (
	"fmt"
	"os"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "main.py" {
		fmt.Println("can't open file")
	} else {
		fmt.Println("it ended:", comfytest.Program(os.Args[2:]))
	}
	os.Exit(2)
}
