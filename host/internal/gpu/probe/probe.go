// Package probe keeps watch over the devices of this machine. Probers of drivers run in a process of their own, which
// writes a Sample a line (Serve) and is started, read and, when it hangs or dies, replaced here (Child); devices that a
// person wrote down are asked in this process (Local). A Watch brings both together: what is known now, what is out of
// date, and the figures of the last hours. It grants nothing and decides nothing.
package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// Sample is what one look at the devices found.
type Sample struct {
	At      time.Time       `json:"at"`
	Devices []device.Device `json:"devices"`
	// Note is what a person should know: what is not measured, or why there are no devices.
	Note string `json:"note,omitempty"`
	// Error is why the look failed.
	Error string `json:"error,omitempty"`
}

// Look asks a prober once.
func Look(ctx context.Context, p gpu.Prober) (s Sample) {
	defer func() {
		if r := recover(); r != nil {
			s = Sample{Error: fmt.Sprintf("the probe made a mistake: %v", r)}
		}
		s.At = time.Now().UTC()
	}()
	devices, note, err := p.Probe(ctx)
	if err != nil {
		return Sample{Error: err.Error()}
	}
	return Sample{Devices: devices, Note: note}
}

// Serve writes a sample a line, at once and then every so often, until ctx ends or nobody reads.
func Serve(ctx context.Context, p gpu.Prober, every time.Duration, w io.Writer) error {
	out := json.NewEncoder(w)
	return each(ctx, every, func() error {
		s := Look(ctx, p)
		if ctx.Err() != nil {
			return nil
		}
		return out.Encode(s)
	})
}

// Main is the whole life of the process that probes: it serves until standard input ends, as it does when whoever
// started it dies. A driver that hangs does not keep it then.
func Main(p gpu.Prober, every time.Duration, stdin io.Reader, stdout io.Writer, exit func(code int)) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
		time.AfterFunc(time.Second, func() { exit(1) })
	}()
	return Serve(ctx, p, every, stdout)
}

// each does something until ctx ends, which is no error: at once and then every so often.
func each(ctx context.Context, every time.Duration, do func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := do(); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Source gives samples until ctx ends, or until it cannot go on.
type Source func(ctx context.Context, give func(Sample)) error

// Local asks a prober in this process. It has to end when its context does.
func Local(p gpu.Prober, every time.Duration) Source {
	return func(ctx context.Context, give func(Sample)) error {
		return each(ctx, every, func() error {
			s := Look(ctx, p)
			if ctx.Err() == nil {
				give(s)
			}
			return nil
		})
	}
}
