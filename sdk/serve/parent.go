package serve

import (
	"io"
	"os"

	"github.com/myspinbot/spinbot/sdk/wire"
)

// watchParent ends the process and its group when the host goes away. The host holds the other end of standard
// input and never writes: end of file means that it is gone, even when it was killed. The kernel's own signal on
// the parent's death comes as SIGTERM and is a second way to hear of it: it is bound to the thread that
// started the process, so it alone would not do.
func watchParent() {
	onTerminate(endGroup)
	if os.Getenv(wire.EnvWatch) != "stdin" {
		return
	}
	in := os.Stdin
	if null, err := os.Open(os.DevNull); err == nil {
		os.Stdin = null // a node that reads standard input must not eat the signal
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		endGroup()
	}()
}
