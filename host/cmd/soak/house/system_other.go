//go:build !linux

package house

import (
	"errors"
	"syscall"
)

const roomy = 2 << 30

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

var errLinux = errors.New("this needs Linux")

func mount(string, int64) error  { return errLinux }
func resize(string, int64) error { return errLinux }
func unmount(string) error       { return errLinux }
