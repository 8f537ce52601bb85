package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// Config is what a Watch is made of. A time of 0 is the one in its comment.
type Config struct {
	// Sources are asked side by side. A device that two of them give is that of the first.
	Sources []Source
	// Patience is how long a source may be silent before it is ended and begun anew: 5 s.
	Patience time.Duration
	// IllAfter is the age of a reading at which a device takes no task: 8 s, so that one more start has a chance.
	IllAfter time.Duration
	// Idle is how often a source is asked that found nothing: once a minute.
	Idle time.Duration
	// Pause is how long it waits before the first start after a failure, and doubles: 500 ms, up to 30 s.
	Pause time.Duration
	// Forget is how long a device that the driver does not list any more is shown: 10 minutes.
	Forget time.Duration
	Now    func() time.Time
	Log    *slog.Logger
	// Empty is told, once, that there are no devices, and why.
	Empty func(note string)
}

// Watch knows the devices of this machine. All methods may be called at any time, side by side.
type Watch struct {
	cfg      Config
	ctx      context.Context
	cancel   context.CancelFunc
	watching sync.WaitGroup

	mu      sync.Mutex
	moved   chan struct{} // closed and made anew with each sample
	started bool
	closed  bool
	told    bool // that there is nothing
	sources []*source
	series  map[string]*series
}

// New makes a watch that has not begun.
func New(cfg Config) *Watch {
	for at, otherwise := range map[*time.Duration]time.Duration{&cfg.Patience: 5 * time.Second, &cfg.IllAfter: 8 * time.Second,
		&cfg.Idle: time.Minute, &cfg.Pause: 500 * time.Millisecond, &cfg.Forget: 10 * time.Minute} {
		if *at == 0 {
			*at = otherwise
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	w := &Watch{cfg: cfg, series: map[string]*series{}, moved: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	for _, run := range cfg.Sources {
		w.sources = append(w.sources, &source{run: run, first: make(chan struct{})})
	}
	return w
}

// Start begins to look, unless that was done before or it is closed.
func (w *Watch) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.started || w.closed {
		return
	}
	w.started = true
	for _, s := range w.sources {
		w.watching.Go(func() { w.keep(s) })
	}
}

// First waits until every source has answered or failed once, or ctx ends. It begins to look when nobody did.
func (w *Watch) First(ctx context.Context) error {
	w.Start()
	for _, s := range w.sources {
		select {
		case <-s.first:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.ctx.Done():
			return errors.New("the host is stopping")
		}
	}
	return nil
}

// closing is how long Close waits. A process that the kernel holds inside a driver cannot be ended.
const closing = 5 * time.Second

// Close ends everything that looks.
func (w *Watch) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	done := make(chan struct{})
	go func() {
		w.watching.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(closing):
		return errors.New("the probe of devices does not end: the kernel holds it inside a driver; it ends when the driver lets it go")
	}
}

// maxPause is the longest wait between two starts; steady how long a source has to work to count as mended.
const (
	maxPause = 30 * time.Second
	steady   = 30 * time.Second
)

// keep runs a source again and again.
func (w *Watch) keep(s *source) {
	pause := w.cfg.Pause
	for w.ctx.Err() == nil {
		begun := w.cfg.Now()
		err := w.once(s)
		if w.ctx.Err() != nil {
			return
		}
		wait := pause
		if errors.Is(err, errIdle) {
			pause, wait = w.cfg.Pause, w.cfg.Idle
		} else {
			w.fail(s, err)
			if w.cfg.Now().Sub(begun) > steady {
				pause, wait = w.cfg.Pause, w.cfg.Pause
			}
			pause = min(2*pause, maxPause)
		}
		select {
		case <-time.After(wait):
		case <-w.ctx.Done():
		}
	}
}

var (
	errSilent = errors.New("it does not answer")
	errIdle   = errors.New("there are no devices")
)

// once runs a source until it ends, is silent for too long, or finds nothing.
func (w *Watch) once(s *source) error {
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(w.cfg.Patience, func() {
		w.fail(s, errSilent) // now: a process that the kernel holds does not end
		cancel(errSilent)
	})
	defer watchdog.Stop()
	err := s.run(ctx, func(sample Sample) {
		watchdog.Reset(w.cfg.Patience)
		if idle := w.take(s, sample); idle {
			cancel(errIdle)
		}
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		err = errors.New("it ended")
	}
	return err
}

// fail takes down that a source has ended. It is said once, until it answers again.
func (w *Watch) fail(s *source, err error) {
	w.mu.Lock()
	first := s.down == ""
	s.down = err.Error()
	s.looked()
	w.mu.Unlock()
	if first {
		w.cfg.Log.Warn("the probe of devices stopped answering; it is started again", "error", err)
	}
}

// take brings in a sample. It says whether the source has nothing to look at.
func (w *Watch) take(s *source, sample Sample) (idle bool) {
	now := w.cfg.Now()
	w.mu.Lock()
	before := s.ills()
	was := s.down
	s.take(sample, now, w.cfg.Forget)
	for _, k := range s.known {
		if k.seen.Equal(now) {
			w.record(k.Device)
		}
	}
	for uuid := range w.series {
		if !slices.ContainsFunc(w.sources, func(s *source) bool { return s.knows(uuid) }) {
			delete(w.series, uuid)
		}
	}
	after := s.ills()
	idle = sample.Error == "" && len(s.known) == 0
	nothing := idle && !w.told && !slices.ContainsFunc(w.sources, func(s *source) bool { return len(s.known) > 0 || s.answered.IsZero() })
	w.told = w.told || nothing
	note := w.note()
	s.looked()
	close(w.moved)
	w.moved = make(chan struct{})
	w.mu.Unlock()
	switch {
	case was != "" && sample.Error == "":
		w.cfg.Log.Info("the probe of devices answers again")
	case was == "" && sample.Error != "":
		w.cfg.Log.Warn("devices cannot be read", "error", sample.Error)
	}
	w.tell(before, after)
	if nothing && w.cfg.Empty != nil {
		w.cfg.Empty(note)
	}
	return idle
}

// tell logs which devices have become ill or well.
func (w *Watch) tell(before, after map[string]string) {
	for uuid, ill := range after {
		if was, known := before[uuid]; ill != "" && ill != was {
			w.cfg.Log.Warn("a device is ill: it takes no task", "device", uuid, "why", ill)
		} else if known && was != "" && ill == "" {
			w.cfg.Log.Info("a device is well again", "device", uuid)
		}
	}
}

// Moved is closed when the next sample has come in.
func (w *Watch) Moved() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

// Inventory is what is known now.
type Inventory struct {
	// Devices in a stable order. Those whose figures are out of date say so.
	Devices []device.Device
	// Notes say what is not measured and why, or why there are no devices.
	Notes []string
}

// Inventory gives the devices as of the last look. It does not wait, and starts nothing.
func (w *Watch) Inventory() Inventory {
	now := w.cfg.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	var out Inventory
	seen := map[string]bool{}
	for _, s := range w.sources {
		for _, d := range s.shown(now, w.cfg.Patience, w.cfg.IllAfter) {
			if !seen[d.UUID] {
				seen[d.UUID] = true
				out.Devices = append(out.Devices, d)
			}
		}
	}
	for _, s := range w.sources {
		for _, n := range s.notes(len(out.Devices) > 0) {
			if !slices.Contains(out.Notes, n) {
				out.Notes = append(out.Notes, n)
			}
		}
	}
	if len(w.sources) == 0 {
		out.Notes = []string{"this host looks for no devices"}
	} else if !w.started {
		out.Notes = append(out.Notes, "nobody has looked yet")
	}
	return out
}

// note is why there is nothing.
func (w *Watch) note() (out string) {
	for _, s := range w.sources {
		if s.note != "" {
			out += fmt.Sprintf("%s%s", map[bool]string{true: "; "}[out != ""], s.note)
		}
	}
	return out
}
