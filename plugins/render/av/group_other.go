//go:build !unix

package av

import "os/exec"

// OwnGroup does nothing here.
func OwnGroup(*exec.Cmd) {}
