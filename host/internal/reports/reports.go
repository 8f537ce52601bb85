// Package reports holds what nodes say: told at once to whoever watches a run, the last of it kept for a while in memory, and what is
// a line of a log for as long as the run is kept. What happened to nodes is not here: the journal has it, and a log that is read
// has both.
package reports

import (
	"context"
	"io"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Reports is what the nodes of all runs say.
type Reports struct {
	*live
	logs *Logs
}

// New keeps logs in a folder. active says whether this process advances a run.
func New(folder string, journal store.Journal, active func(run string) bool) *Reports {
	return &Reports{newLive(active), newLogs(folder, journal)}
}

// Report takes what a node says.
func (r *Reports) Report(a sdk.Address, said sdk.Report, now time.Time) {
	r.report(a, said, now)
	if said.Kind == sdk.ReportLog {
		r.logs.write(a, said.Level, said.Message, now)
	}
}

// Observe takes an event that is durable, once the run of it is not active any more if it has ended.
func (r *Reports) Observe(id run.ID, e run.Event) {
	r.ended(id, e)
	if e.Kind == run.RunEnded {
		r.logs.ended(string(id))
	}
}

// Said gives the last reports of a run's nodes, or of those that node concerns: at most limit, and how many more are not kept any more.
func (r *Reports) Said(run, node string, limit int) ([]client.Report, int) {
	return r.lately.list(run, node, limit)
}

// Gone forgets what the nodes of a run that was removed have said last. Its log is garbage, which is collected.
func (r *Reports) Gone(run string) { r.lately.drop(run) }

// Logs gives a run's log, or what of it a node concerns, as JSON lines.
func (r *Reports) Logs(run, node string) (io.ReadCloser, error) {
	return r.logs.read(context.Background(), run, node)
}

// Files are the logs as they lie on disk.
func (r *Reports) Files() *Logs { return r.logs }

// Close closes the logs.
func (r *Reports) Close() { r.logs.close() }
