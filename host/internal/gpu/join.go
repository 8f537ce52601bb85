package gpu

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Join asks all of them, one after the other, and gives what they find together. A device that two of them find is
// taken from the first. One that fails is a note, as long as another finds devices; why one finds none is told when none
// does.
func Join(probers ...Prober) Prober { return joined(probers) }

type joined []Prober

// Probe implements Prober.
func (j joined) Probe(ctx context.Context) ([]device.Device, string, error) {
	var all []device.Device
	var notes, without []string
	var failed []error
	seen := map[string]bool{}
	for _, p := range j {
		found, note, err := p.Probe(ctx)
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		if err != nil {
			failed = append(failed, err)
			notes = append(notes, err.Error())
		} else if len(found) == 0 {
			without = append(without, note)
		} else {
			notes = append(notes, note)
		}
		for _, d := range found {
			if seen[d.UUID] {
				notes = append(notes, fmt.Sprintf("two devices have the UUID %s: the second is left out", d.UUID))
				continue
			}
			seen[d.UUID] = true
			all = append(all, d)
		}
	}
	if len(all) == 0 && len(failed) > 0 {
		return nil, "", errors.Join(failed...)
	}
	if len(all) == 0 {
		notes = without
	}
	return all, told(notes), nil
}

// First asks one after the other until one finds devices: different ways to the same ones. When none does, its note has
// why each did not.
func First(probers ...Prober) Prober { return first(probers) }

type first []Prober

// Probe implements Prober.
func (f first) Probe(ctx context.Context) ([]device.Device, string, error) {
	var notes []string
	var failed []error
	for _, p := range f {
		found, note, err := p.Probe(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, "", context.Cause(ctx)
		case err != nil:
			failed = append(failed, err)
			notes = append(notes, err.Error())
		case len(found) > 0:
			return found, note, nil
		default:
			notes = append(notes, note)
		}
	}
	if len(failed) > 0 {
		return nil, "", errors.New(told(notes))
	}
	return nil, told(notes), nil
}

// told puts notes together; the same one twice is said once.
func told(notes []string) string {
	var out []string
	seen := map[string]bool{}
	for _, n := range notes {
		if n != "" && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	return strings.Join(out, "; ")
}
