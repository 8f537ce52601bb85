//go:build !linux

package collector

// forgetProgram is for Linux, which says which pages nobody has written to.
func forgetProgram() {}
