package main

import (
	"net/http/httptest"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/myspinbot/spinbot/host/internal/tracing/tracingtest"
)

// collectors are those of all scripts, by address.
var (
	collectorsMu sync.Mutex
	collectors   = map[string]*tracingtest.Receiver{}
)

// collector NAME: starts a collector of traces, and puts its URL into $NAME.
func collector(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: collector NAME")
	}
	r := &tracingtest.Receiver{}
	s := httptest.NewServer(r)
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
	collectorsMu.Lock()
	defer collectorsMu.Unlock()
	collectors[s.URL] = r
}

// spans URL RUN WANT: waits until what a collector has of a run is the tree in the file WANT. With ! and no WANT it has nothing of it.
func spans(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 && (!neg || len(args) != 2) {
		ts.Fatalf("usage: spans URL RUN WANT")
	}
	collectorsMu.Lock()
	r := collectors[args[0]]
	collectorsMu.Unlock()
	tree, want := "", ""
	as := func() bool {
		all, err := r.Spans()
		ts.Check(err)
		tree = tracingtest.Tree(all, args[1])
		return tree == want
	}
	if neg {
		if !as() {
			ts.Fatalf("there is a trace of %s:\n%s", args[1], tree)
		}
		return
	}
	if want = ts.ReadFile(args[2]); !poll(as) {
		ts.Fatalf("the trace of %s is\n%s\nwant\n%s", args[1], tree, want)
	}
}
