// Command spinbot runs pipelines: see spinbot help. One file holds one command; what they do is asked of the host
// through sdk/client, whether that host is this process or another one that holds the state directory.
package main

import (
	"context"
	"os"
)

// Set by the linker.
var (
	version = "dev"
	// bundledTrust is the SHA-256 of bin/plugins/spinbot.trust.hcl, which lists the bundled plugins' checksums.
	bundledTrust string
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:]))
}
