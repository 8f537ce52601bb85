//go:build !unix

package serve

import "os"

func onTerminate(func()) {}

func endGroup() { os.Exit(1) }
