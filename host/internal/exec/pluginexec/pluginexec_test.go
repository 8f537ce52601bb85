package pluginexec

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec"
	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, tls := range []bool{false, true} {
		name := map[bool]string{false: "socket", true: "tls"}[tls]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exectest.Run(t, exectest.Options{Files: true, New: func(t *testing.T) exec.Executor {
				return open(t, as(t, "plugin"), func(c *Config) { c.MutualTLS = tls })
			}})
		})
	}
}
