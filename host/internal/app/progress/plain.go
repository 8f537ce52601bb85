package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// wide is how many instances make a fan-out that is told in tenths rather than one by one.
const wide = 12

// Plain writes a line per state change, and one per quarter of a long task.
type Plain struct {
	now func() time.Time

	mu       sync.Mutex
	w        io.Writer
	style    Style
	board    *board
	quarters map[string]int // told so far, per node
	tenths   map[string]int
	waits    map[string]bool // nodes of which it was told why they wait
}

// NewPlain writes lines to w, at first what runs already.
func NewPlain(w io.Writer, style Style, known []Change, now func() time.Time) *Plain {
	p := &Plain{w: w, style: style, now: now, board: newBoard(known, now()), quarters: map[string]int{}, tenths: map[string]int{}, waits: map[string]bool{}}
	for _, c := range known {
		if c.State == running && p.board.row(c.Node).instance(c.Key).state == running {
			p.line(running, c.Node+c.Key+": running")
		}
	}
	return p
}

// Change writes what a person would want to know.
func (p *Plain) Change(c Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.board.row(c.Node)
	fresh := r.started.IsZero()
	p.board.change(c)
	name, size := c.Node+c.Key, r.size()
	switch {
	case c.State == running && size <= wide, c.State == running && fresh:
		if size > wide {
			name = fmt.Sprintf("%s (%d)", c.Node, size)
		}
		again := ""
		if c.Attempt > 1 {
			again = fmt.Sprintf(", attempt %d", c.Attempt)
		}
		p.line(running, name+": running"+again)
	case c.State == backoff:
		p.line(failed, name+": failed, tries again: "+firstLine(c.Error))
	case c.State == failed:
		p.line(failed, name+": failed: "+firstLine(c.Error))
	case c.State == cancelled:
		p.line(cancelled, name+": cancelled")
	case terminal(c.State):
		p.ended(r, c, name, size)
	}
}

func (p *Plain) ended(r *row, c Change, name string, size int) {
	if c.State == skipped {
		if size == 1 || r.done == size {
			p.line(skipped, c.Node+": skipped")
		}
		return
	}
	if size == 1 {
		p.line(succeeded, fmt.Sprintf("%s: done in %s", name, Elapsed(r.took(c.Time))))
		return
	}
	if size > wide {
		tenth := r.done * 10 / size
		if tenth == p.tenths[c.Node] {
			return
		}
		p.tenths[c.Node] = tenth
		name = c.Node
	}
	took := r.took(c.Time)
	if i := r.instances[c.Key]; size <= wide && i != nil && !i.started.IsZero() {
		took = c.Time.Sub(i.started)
	}
	p.line(succeeded, fmt.Sprintf("%s: done in %s (%d/%d)", name, Elapsed(took), r.done, size))
}

// Report writes each quarter of a single task, and once why a node waits.
func (p *Plain) Report(rep Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.board.report(rep)
	r := p.board.row(rep.Node)
	if i := r.instance(rep.Key); i.state == pending && rep.Message != "" && !p.waits[rep.Node] {
		p.waits[rep.Node] = true
		p.line(pending, rep.Node+rep.Key+" waits: "+clean(rep.Message))
	}
	if r.size() > 1 || rep.Fraction < 0 {
		return
	}
	quarter := int(rep.Fraction * 4)
	if quarter <= p.quarters[rep.Node] || quarter >= 4 {
		return
	}
	p.quarters[rep.Node] = quarter
	text := fmt.Sprintf("%s: %d%%", rep.Node, quarter*25)
	if rep.Message != "" {
		text += " " + clean(rep.Message)
	}
	p.line(running, text)
}

// Note writes a line.
func (p *Plain) Note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, line)
}

// Close has nothing to put back.
func (p *Plain) Close() {}

func (p *Plain) line(state, text string) {
	sign := map[string]string{running: " ", succeeded: "+", failed: "x", cancelled: "x", skipped: "-"}[state]
	fmt.Fprintf(p.w, "%s %6s  %s\n", sign, Elapsed(p.now().Sub(p.board.start)), clean(text))
}
