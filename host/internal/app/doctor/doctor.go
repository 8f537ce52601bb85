// Package doctor owns the examination of a machine before spinbot needs it: what would be in the way of serving and of
// runs, and how to mend it. It changes nothing, and needs no host: one may run meanwhile.
package doctor

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/host"
)

// State says how bad a Finding is.
type State string

// The states of a finding.
const (
	Fine    State = "ok"
	Odd     State = "warning" // it works, and somebody should know
	Wrong   State = "error"   // serving, or runs that need it, will fail
	Unasked State = "unused"  // nothing here uses it
)

// Finding is what was seen of one thing.
type Finding struct {
	// Check names what was looked at: "state", "disk", "files", "clock", "ports", "driver", "plugins", "programs", "redis",
	// "store", "artifacts", "search", "engines".
	Check string `json:"check"`
	State State  `json:"state"`
	// Said is what was found, Mend what to do about it.
	Said string `json:"said"`
	Mend string `json:"mend,omitempty"`
}

// Config says what spinbot serve would be started with here.
type Config struct {
	Host   host.Config
	Listen string // the address of the API
	// Private are files besides those of the state directory that only their owner should read; one that is empty is passed over.
	Private []string
}

type check struct {
	name     string
	look     func(context.Context, Config) []Finding
	patience time.Duration // how long it may take
}

const (
	usual = 15 * time.Second
	long  = 2 * time.Minute // modules that are new are compiled, plugins are asked what they are
)

// checks are what is looked at, in the order in which it is told.
var checks = []check{
	{"state", state, usual}, {"disk", disk, usual}, {"files", files, usual}, {"clock", clock, usual}, {"ports", ports, usual},
	{"driver", driver, usual}, {"plugins", plugins, long}, {"programs", programs, usual}, {"redis", redis, usual},
	{"store", database, usual}, {"artifacts", bucket, usual}, {"search", meanings, usual}, {"engines", engines, usual},
}

// Examine makes all checks, at once, and gives what they found in a fixed order: at least one finding of each.
func Examine(ctx context.Context, c Config) []Finding {
	found := make([][]Finding, len(checks))
	var all sync.WaitGroup
	for k := range checks {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checks[k].patience)
			defer cancel()
			found[k] = checks[k].look(ctx, c)
		})
	}
	all.Wait()
	var out []Finding
	for k := range checks {
		for _, f := range found[k] {
			f.Check = checks[k].name
			out = append(out, f)
		}
	}
	return out
}

// Worst is the worst state among findings: Fine when there are none.
func Worst(found []Finding) State {
	worst := Fine
	for _, f := range found {
		if f.State == Wrong || f.State == Odd && worst == Fine {
			worst = f.State
		}
	}
	return worst
}

func one(s State, said, mend string) []Finding { return []Finding{{State: s, Said: said, Mend: mend}} }

func fine(format string, args ...any) []Finding { return one(Fine, fmt.Sprintf(format, args...), "") }

// unasked is of what this machine does not use, and how it could.
func unasked(said string) []Finding { return one(Unasked, said, "") }

func wrong(err error, mend string) []Finding { return one(Wrong, err.Error(), mend) }
