package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", `{"n":1}`, `{"n":2}`, `{"n":3}`)
	for query, want := range map[string]string{
		"": `1{"n":1} 2{"n":2} 3{"n":3} 3`, "?after=1": `2{"n":2} 3{"n":3} 3`, "?limit=1": `1{"n":1} 1`, "?after=1&limit=1": `2{"n":2} 2`, "?after=3": "3",
	} {
		a := b.get(t, "/api/v1/runs/run_a/events"+query)
		var l client.EventList
		a.into(t, &l)
		got := ""
		for _, e := range l.Events {
			got += fmt.Sprintf("%d%s ", e.Seq, e.Data)
		}
		if got += fmt.Sprint(l.Next); got != want || l.Version != client.ShapeVersion || !strings.Contains(a.body, `"events":[`) {
			t.Errorf("%q: got %s of %s", query, got, a.body)
		}
	}
	for _, after := range []string{"x", "-1", "1.5", "99999999999999999999"} {
		b.get(t, "/api/v1/runs/run_a/events?after="+after).problem(t, 400, client.CodeBadRequest, "sequence number")
	}
	for _, after := range []string{"4", "18446744073709551615"} {
		for _, accept := range []string{"application/json", "text/event-stream"} {
			p := b.get(t, "/api/v1/runs/run_a/events?after="+after, "Accept: "+accept).problem(t, 400, client.CodeBadRequest, "after "+after+": the last event of run_a is 3")
			if p.Fix == "" {
				t.Errorf("%+v", p)
			}
		}
	}
	b.get(t, "/api/v1/runs/run_a/events?limit=-1").problem(t, 400, client.CodeBadRequest, "limit")
}

// numbers gives n small events.
func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"n":%d}`, i)
	}
	return out
}

// TestStreamOfAnEndedRun: everything above a number, in order, over several pages, and then the end.
func TestStreamOfAnEndedRun(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "succeeded", numbers(2*route.PageSize+1)...)
	for _, after := range []uint64{0, 1, route.PageSize, route.PageSize + 1, 2 * route.PageSize, 2*route.PageSize + 1} {
		next := after
		err := b.unix.Watch(t.Context(), "last", after, func(f client.Frame) error {
			if next++; f.Event == nil || f.Event.Seq != next || string(f.Event.Data) != fmt.Sprintf(`{"n":%d}`, next-1) {
				t.Errorf("after %d: got %+v, want event %d", after, f.Event, next)
			}
			return nil
		})
		if err != nil || next != 2*route.PageSize+1 {
			t.Errorf("after %d: ended at %d with %v", after, next, err)
		}
	}
	if err := b.unix.Watch(t.Context(), "run_x", 0, nil); err == nil {
		t.Error("a run that is not there is watched")
	}
}

// TestStreamGoesOn: events and reports come as they are made; the stream ends with the run.
func TestStreamGoesOn(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", `{"n":1}`)
	address := sdk.Address{Run: "run_a", Node: sdk.Step{Kind: "node", Name: "clip"}, Attempt: 1}
	var got []string
	err := b.unix.Watch(t.Context(), "run_a", 0, func(f client.Frame) error {
		if f.Report != nil {
			got = append(got, fmt.Sprintf("%s %s %v", f.Report.Kind, f.Report.Address, f.Report.Fraction))
		} else {
			got = append(got, fmt.Sprint(f.Event.Seq))
		}
		switch len(got) {
		case 1:
			b.live.reports <- client.Report{Address: address, Report: sdk.Report{Kind: sdk.ReportProgress, Fraction: 0.5}}
		case 2:
			close(b.live.reports)
			b.record(t, "run_b", "failed", `{"another": "run"}`)
			b.record(t, "run_a", "running", `{"n":2}`, `{"n":3}`)
		case 4:
			b.record(t, "run_a", "failed", `{"n":4}`)
		}
		return nil
	})
	if want := []string{"1", "progress run_a/node.clip/1 0.5", "2", "3", "4"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestStreamAgain: a reader that breaks off at every number, while the run goes on, loses nothing and gets nothing twice.
func TestStreamAgain(t *testing.T) {
	t.Parallel()
	const events = 60
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 2; n < events; n++ {
			b.record(t, "run_a", "running", "{}")
		}
		b.record(t, "run_a", "succeeded", "{}")
	})
	enough := errors.New("enough")
	var after uint64
	for {
		err := b.unix.Watch(t.Context(), "run_a", after, func(f client.Frame) error {
			if f.Event.Seq != after+1 {
				t.Fatalf("got %d after %d", f.Event.Seq, after)
			}
			after = f.Event.Seq
			if after%3 == 0 {
				return enough
			}
			return nil
		})
		if err == nil {
			break
		}
		if !errors.Is(err, enough) {
			t.Fatal(err)
		}
	}
	writing.Wait()
	if after != events {
		t.Errorf("it ended at %d", after)
	}
}

// TestStreamAsBrowsersRead: one that reads on says where in a header.
func TestStreamAsBrowsersRead(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "succeeded", numbers(4)...)
	a := b.get(t, "/api/v1/runs/run_a/events?after=1", "Accept: text/event-stream", "Last-Event-ID: 3")
	if want := "event: event\nid: 4\ndata: {\"n\":3}\n\nevent: end\ndata: {}\n\n"; a.body != want || a.header.Get("Content-Type") != "text/event-stream" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s %s", a.header, a.body)
	}
	b.get(t, "/api/v1/runs/run_a/events", "Accept: text/event-stream", "Last-Event-ID: x").problem(t, 400, client.CodeBadRequest, "sequence number")
	if a := b.ask(t, "HEAD", "/api/v1/runs/run_a/events", nil, "Accept: text/event-stream"); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: got %+v", a)
	}
}

// TestReaderGoes: what a stream holds is let go once its reader has gone.
func TestReaderGoes(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	ctx, cancel := context.WithCancel(t.Context())
	err := b.unix.Watch(ctx, "run_a", 0, func(client.Frame) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	held := <-b.live.asked
	late := time.After(30 * time.Second)
	for {
		b.record(t, "run_a", "running", "{}") // it finds out when it writes
		select {
		case <-held.Done():
			return
		case <-late:
			t.Fatal("it still holds the stream")
		case <-time.After(time.Millisecond):
		}
	}
}

// failingIndex fails once a stream has begun.
type failingIndex struct {
	store.Index
	err error
}

func (f failingIndex) List(context.Context, store.Query) ([]store.Head, error) { return nil, f.err }

// TestStreamFails: a stream that cannot go on says why.
func TestStreamFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
	}{{store.ErrDamaged, 500}, {store.ErrStopped, 503}, {nil, 404}} {
		b := start(t, func(cfg *Config) { cfg.Runs.Index = failingIndex{cfg.Runs.Index, c.err} })
		b.record(t, "run_a", "running", "{}")
		var p *client.Problem
		if err := b.unix.Watch(t.Context(), "run_a", 0, nil); !errors.As(err, &p) || p.Status != c.status || p.Title != http.StatusText(c.status) {
			t.Errorf("%v: got %v", c.err, err)
		}
	}
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	var p *client.Problem
	err := b.unix.Watch(t.Context(), "run_a", 0, func(client.Frame) error { return b.store.Close() })
	if !errors.As(err, &p) || p.Status != 503 {
		t.Errorf("a journal that is closed: %v", err)
	}
}

// TestAlive: a silent stream says that it is alive.
func TestAlive(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	req, err := http.NewRequestWithContext(t.Context(), "GET", b.url+"/api/v1/runs/run_a/events?after=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := b.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || line != ": alive\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// TestManyReaders: readers of one run that come at any time see the same events.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	const readers, events = 12, 40
	b := start(t, nil)
	b.record(t, "run_a", "running", "{}")
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			c := client.Unix(b.sock)
			defer c.Close()
			var last uint64
			err := c.Watch(t.Context(), "run_a", 0, func(f client.Frame) error {
				if f.Event.Seq != last+1 {
					t.Errorf("got %d after %d", f.Event.Seq, last)
				}
				last = f.Event.Seq
				return nil
			})
			if err != nil || last != events {
				t.Errorf("ended at %d with %v", last, err)
			}
		})
	}
	for n := 2; n < events; n++ {
		b.record(t, "run_a", "running", "{}")
	}
	b.record(t, "run_a", "succeeded", "{}")
	all.Wait()
}
