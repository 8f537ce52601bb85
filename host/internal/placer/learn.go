package placer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/learned"
	"github.com/myspinbot/spinbot/host/internal/core/placement"
	"github.com/myspinbot/spinbot/sdk"
)

// size is what a task's work grows with: the product of the inputs that its node type names; 0: it names none.
func size(w placement.Want) int64 {
	d := w.Type.DeviceFor(w.Inputs)
	if d == nil {
		return 0
	}
	product := 0.0
	for _, name := range d.SizeInputs {
		n, ok := w.Inputs[name].(json.Number)
		if !ok {
			continue
		}
		if f, err := n.Float64(); err == nil && f > 0 {
			product = max(product, 1) * f
		}
	}
	return int64(min(product, math.MaxInt64/2))
}

// kindOf names what is alike: what is learned of one case of a node type says nothing of another.
func kindOf(w placement.Want) string {
	name := w.Type.Name
	if c, _ := w.Type.CaseOf(w.Inputs); c != nil {
		name += " " + c.String()
	}
	return learned.KindOf(name, w.Model, w.Rung, size(w))
}

// learn takes in how an attempt went.
func (p *Placer) learn(w *want, went *placement.Went, now time.Time) {
	if went == nil || w.held {
		return
	}
	r := learned.Ran{Granted: w.task.Request.Memory, Lasted: now.Sub(w.since)}
	switch err := went.Error; {
	case err == nil:
	case err.Cause == sdk.CauseOOM, err.Cause == sdk.CauseSpilling:
		r.Short = true
	default:
		return
	}
	if went.Usage != nil {
		r.Peak = went.Usage.DeviceMemory
	}
	if lasts, _ := p.learned.Lasts(w.kind); !w.warm && w.task.Model != "" && lasts > 0 && r.Lasted > lasts {
		r.Lasted, r.Loaded = lasts, r.Lasted-lasts // what it took longer than a warm one was loading
	}
	p.learned.Learn(w.kind, r, now)
	p.dirty = true
}

// Crawls says whether an attempt that still runs is so much slower than those like it that it must be short of memory.
func (p *Placer) Crawls(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.wants[id]
	return w != nil && !w.since.IsZero() && !w.held && p.learned.Crawls(w.kind, p.cfg.Now().Sub(w.since))
}

// read takes in what earlier hosts have learned. A file that cannot be read is begun anew: it only makes guesses better.
func (p *Placer) read() {
	if p.cfg.File == "" {
		return
	}
	raw, err := os.ReadFile(p.cfg.File)
	if err == nil {
		err = json.Unmarshal(raw, &p.learned)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.cfg.Log.Warn("what was learned of tasks cannot be read; learning begins anew", "file", p.cfg.File, "error", err)
		p.learned = learned.Table{}
	}
}

// Save writes down what was learned, when there is anything new.
func (p *Placer) Save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.write()
}

func (p *Placer) write() error {
	if !p.dirty || p.cfg.File == "" {
		return nil
	}
	raw, err := json.Marshal(&p.learned)
	if err != nil {
		return err
	}
	next := p.cfg.File + ".new"
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("write down what was learned of tasks: %w", err)
	}
	p.dirty = false
	return os.Rename(next, p.cfg.File)
}
