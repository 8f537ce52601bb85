package main

import (
	"context"
	"os"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// reconfigured is a host or an agent that takes of a configuration what can change while it runs.
type reconfigured interface {
	// Reconfigure gives the plugins that are told something else from their next task on.
	Reconfigure(file *config.Config) []string
	// Configuration says what is wrong with the plugins' blocks.
	Configuration(ctx context.Context) diagnostic.Diagnostics
}

// reconfigure takes of the configuration what can change while a host or an agent runs: the plugins' blocks, the hours of devices,
// the log level, and its certificate, which is read by certificate. A file that is wrong changes nothing.
func (p *program) reconfigure(ctx context.Context, r reconfigured, again func() (*config.Config, error), certificate func() error) {
	file, err := again()
	if err != nil {
		_ = tell(os.Stderr, err)
		warn("the configuration was read again and is wrong; what holds is as before")
		return
	}
	if err := certificate(); err != nil {
		warn("the certificate was read again and does not fit; the one before is used on: %v", err)
	}
	if from := p.origins["log-level"].from; from != "flag" && from != "environment" {
		text := "warn"
		if s, ok := file.Settings["log_level"]; ok {
			text = s.Values[0]
		}
		if level, err := logLevel(text); err == nil { // the file was checked
			p.level.Set(level)
		}
	}
	anew := r.Reconfigure(file)
	p.tellConfig(r.Configuration(ctx))
	if len(anew) == 0 {
		anew = []string{"none"}
	}
	warn("the configuration was read again; plugins that are told something else: %s", strings.Join(anew, ", "))
}
