package wasmexec

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
)

func TestReactorConforms(t *testing.T) {
	t.Parallel()
	exectest.Run(t, exectest.Options{New: func(t *testing.T) exec.Executor { return newExecutor(t, reactorCode(t), Config{}) }})
}

func TestCommandConforms(t *testing.T) {
	t.Parallel()
	exectest.Run(t, exectest.Options{
		New:       func(t *testing.T) exec.Executor { return newExecutor(t, commandCode(t), Config{}) },
		NoReports: true, // but lines on stderr
	})
}
