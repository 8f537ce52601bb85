package main

import (
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/cmd/soak/house"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fault is something that is done to the house. What is frozen or full for a while is so until it returns.
type fault struct {
	name   string
	weight int
	// harsh ones end the host, or may: they are left out once its memory is measured.
	harsh bool
	does  func(ctx context.Context, h *house.House, r *rand.Rand) error
}

// faults are done one after the other.
var faults = []fault{
	{"host killed", 5, true, func(_ context.Context, h *house.House, _ *rand.Rand) error {
		h.Host.Signal(syscall.SIGKILL)
		return nil
	}},
	{"host ended", 2, true, func(_ context.Context, h *house.House, _ *rand.Rand) error {
		h.Host.Signal(syscall.SIGTERM)
		return nil
	}},
	{"host frozen", 2, false, func(ctx context.Context, h *house.House, r *rand.Rand) error { return freeze(ctx, h.Host, r, 4000) }},
	{"agent killed", 4, false, func(_ context.Context, h *house.House, r *rand.Rand) error {
		other(h, r).Signal(syscall.SIGKILL)
		return nil
	}},
	{"agent ended", 2, false, func(_ context.Context, h *house.House, r *rand.Rand) error {
		other(h, r).Signal(syscall.SIGTERM)
		return nil
	}},
	{"agent frozen", 4, false, func(ctx context.Context, h *house.House, r *rand.Rand) error {
		return freeze(ctx, h.Agents[r.IntN(len(h.Agents))], r, 6000)
	}},
	{"agent frozen until it is lost", 1, false, func(ctx context.Context, h *house.House, r *rand.Rand) error {
		return freeze(ctx, h.Agents[r.IntN(len(h.Agents))], r, 0)
	}},
	{"plugin killed", 5, false, func(_ context.Context, h *house.House, r *rand.Rand) error {
		if all := h.Plugins(); len(all) > 0 {
			_ = syscall.Kill(all[r.IntN(len(all))], syscall.SIGKILL) // it may have ended just now
		}
		return nil
	}},
	{"plugin frozen", 2, false, func(ctx context.Context, h *house.House, r *rand.Rand) error {
		all := h.Plugins()
		if len(all) == 0 {
			return nil
		}
		pid := all[r.IntN(len(all))]
		_ = syscall.Kill(pid, syscall.SIGSTOP) // the same
		rest(ctx, time.Duration(r.IntN(3000))*time.Millisecond)
		_ = syscall.Kill(pid, syscall.SIGCONT)
		return nil
	}},
	{"Redis killed", 3, false, func(_ context.Context, h *house.House, _ *rand.Rand) error {
		h.Redis.Signal(syscall.SIGKILL)
		return nil
	}},
	{"Redis frozen", 2, false, func(ctx context.Context, h *house.House, r *rand.Rand) error { return freeze(ctx, h.Redis, r, 5000) }},
	{"told to read its configuration", 4, false, func(_ context.Context, h *house.House, r *rand.Rand) error {
		all := h.Services()[1:]
		all[r.IntN(len(all))].Signal(syscall.SIGHUP)
		return nil
	}},
	{"disk full", 3, true, fill}, // a journal that has stopped ends the host
	{"token revoked", 3, false, revoke},
	{"clients cut off", 3, false, cutOff},
}

// other gives an agent that may be ended.
func other(h *house.House, r *rand.Rand) *house.Service { return h.Agents[1+r.IntN(len(h.Agents)-1)] }

// freeze halts a service for up to so many milliseconds; 0: for so long that it is taken for dead.
func freeze(ctx context.Context, s *house.Service, r *rand.Rand, most int) error {
	d := 17 * time.Second
	if most > 0 {
		d = time.Duration(100+r.IntN(most)) * time.Millisecond
	}
	s.Signal(syscall.SIGSTOP)
	rest(ctx, d)
	s.Thaw()
	return nil
}

// fill has the host's disk be full for a while.
func fill(ctx context.Context, h *house.House, r *rand.Rand) error {
	if err := h.Fill(); err != nil {
		return err
	}
	rest(ctx, time.Duration(500+r.IntN(4000))*time.Millisecond)
	return h.Empty()
}

// revoke has somebody work with a token that is revoked: it is not good from then on.
func revoke(ctx context.Context, h *house.House, r *rand.Rand) error {
	t, err := h.Client.NewToken(ctx, client.NewToken{Name: "visitor-" + string(rune('a'+r.IntN(26))), Role: "viewer", Seconds: 600})
	if err != nil {
		return nil // the host is away
	}
	visitor := client.New(h.URL, nil).WithToken(t.Text)
	defer visitor.Close()
	_, before := visitor.Runs(ctx, client.RunQuery{Limit: 1})
	if _, err := h.Client.RevokeToken(ctx, t.ID); err != nil {
		return nil // it is good for ten minutes, and goes by itself
	}
	if _, after := visitor.Runs(ctx, client.RunQuery{Limit: 1}); before == nil && after == nil {
		return errRevoked
	}
	return nil
}

// cutOff has clients go in the middle of what they say: half a request, half an upload.
func cutOff(ctx context.Context, h *house.House, r *rand.Rand) error {
	address := strings.TrimPrefix(h.URL, "http://")
	for range 5 {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil // the host is away
		}
		_, _ = c.Write([]byte("POST /api/v1/artifacts?name=x HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Bearer " + h.Token + "\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", r.IntN(50000))))
		_ = c.Close() // nothing more is said
	}
	u, err := h.Client.BeginUpload(ctx, "half.txt", "text/plain", 100000)
	if err == nil {
		_ = h.Client.ContinueUpload(ctx, u.ID, 0, strings.NewReader(strings.Repeat("y", r.IntN(50000)))) // the rest never comes
	}
	return nil
}

// harm does faults until ctx ends, one after the other, with some time between.
func harm(ctx context.Context, h *house.House, b *book, r *rand.Rand, harsh bool) {
	sum := 0
	var may []fault
	for _, f := range faults {
		if !f.harsh || harsh {
			may = append(may, f)
			sum += f.weight
		}
	}
	for {
		rest(ctx, time.Duration(500+r.IntN(3500))*time.Millisecond)
		if ctx.Err() != nil {
			return
		}
		n := r.IntN(sum)
		for _, f := range may {
			if n -= f.weight; n < 0 {
				b.faulted(f.name)
				say("fault: %s", f.name)
				if err := f.does(ctx, h, r); err != nil && ctx.Err() == nil {
					b.violated("%s: %v", f.name, err)
				}
				break
			}
		}
	}
}
