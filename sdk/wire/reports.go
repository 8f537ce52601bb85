package wire

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// maxPending is how many reports may wait while one message is being sent.
const maxPending = 1024

// reports collects what a node says and sends it in groups: while one message is under way, the next ones pile up.
// A node that says nothing costs no goroutine.
type reports struct {
	send func([]*Report) error

	mu      sync.Mutex
	pending []*Report
	sending bool
	ended   bool
	idle    sync.Cond // sending became false
}

func newReports(send func([]*Report) error) *reports {
	r := &reports{send: send}
	r.idle.L = &r.mu
	return r
}

// add takes a report in; it never waits for the connection.
func (r *reports) add(rep sdk.Report) {
	if len(rep.Checkpoint) > sdk.MaxCheckpoint {
		rep = sdk.Report{Kind: sdk.ReportLog, Level: "warn", Message: fmt.Sprintf(
			"a checkpoint of %d bytes was dropped: the limit is %d; keep large state in an artifact", len(rep.Checkpoint), sdk.MaxCheckpoint)}
	}
	w := toReport(rep)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	if w.Kind == string(sdk.ReportUsage) { // large, so that there is one of them at a time
		if k := slices.IndexFunc(r.pending, func(p *Report) bool { return p.Kind == w.Kind }); k >= 0 {
			maps.Copy(r.pending[k].Versions, w.Versions)
			r.pending[k].Versions = versions(r.pending[k].Versions)
			return
		}
	}
	if len(r.pending) >= maxPending {
		r.makeRoom()
	}
	r.pending = append(r.pending, w)
	if !r.sending {
		r.sending = true
		go r.drain()
	}
}

// makeRoom drops the oldest report that may be dropped: anything but the newest checkpoint.
func (r *reports) makeRoom() {
	last := -1
	for i, w := range r.pending {
		if w.Kind == string(sdk.ReportCheckpoint) {
			last = i
		}
	}
	drop := 0
	if last == 0 {
		drop = 1
	}
	r.pending = slices.Delete(r.pending, drop, drop+1)
}

func (r *reports) drain() {
	for {
		r.mu.Lock()
		if len(r.pending) == 0 || r.ended {
			r.sending = false
			r.idle.Broadcast()
			r.mu.Unlock()
			return
		}
		group := r.pending
		r.pending = nil
		r.mu.Unlock()
		if r.send(group) != nil { // the host is gone: the task's context ends too
			r.mu.Lock()
			r.ended = true
			r.mu.Unlock()
		}
	}
}

// end gives what was not sent yet and takes no more.
func (r *reports) end() []*Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for r.sending {
		r.idle.Wait()
	}
	rest := r.pending
	r.pending = nil
	return rest
}
