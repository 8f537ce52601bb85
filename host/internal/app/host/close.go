package host

import (
	"context"
	"errors"
	"net"
	"time"
)

// Drain waits until every run that this process advances has ended and nobody is connected, and then takes no more
// connections. Its own client has to be closed before.
func (h *Host) Drain(ctx context.Context) error {
	pause := time.Millisecond
	for {
		if h.engine.Working() == 0 && h.socket.CloseIfQuiet() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 20*time.Millisecond)
	}
}

// Close stops taking work, lets running tasks finish until ctx ends, and gives the state directory back.
func (h *Host) Close(ctx context.Context) error {
	h.client.Close()
	h.api.Leave()
	h.untrigger() // nothing new, before
	h.unlook()
	if h.stopServing != nil {
		h.stopServing()
	}
	// The engine goes first: what its tasks still say has to reach those who watch.
	err := h.engine.Close(ctx)
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if e := h.api.Close(short); e != nil && !errors.Is(e, context.DeadlineExceeded) && !errors.Is(e, net.ErrClosed) { // Drain closed the socket
		err = errors.Join(err, e)
	}
	for _, ln := range h.listeners {
		ln.Close() // the server closes only those that it began to serve already
	}
	h.serving.Wait()
	return errors.Join(err, h.closeParts(ctx))
}

func (h *Host) closeParts(context.Context) error {
	var errs []error
	h.collector.Close()
	if h.previews != nil {
		h.previews.Close()
	}
	if h.fleet != nil {
		h.fleet.Close()
	}
	if h.machine != nil {
		errs = append(errs, h.machine.Close())
	}
	if h.placing != nil {
		errs = append(errs, h.placing.Close())
	}
	if h.wasm != nil {
		errs = append(errs, h.wasm.Close(), h.state.Close())
	}
	if h.reports != nil {
		h.reports.Close()
	}
	h.tracer.Close() // which reads the store
	if h.store != nil {
		errs = append(errs, h.store.Close())
	}
	h.cfg.Lock.Release()
	return errors.Join(errs...)
}
