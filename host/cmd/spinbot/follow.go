package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/sdk/client"
)

// follow shows a run until it ends, saves what it made, and turns Ctrl-C into a cancelled run.
func (p *program) follow(ctx context.Context, s *session, r client.Run, out string) (err error) {
	t, known := newTracker(r)
	display := p.display(r, known)
	watched := make(chan error, 1)
	var heard atomic.Uint64
	go func() { watched <- p.watch(ctx, s, r, t, display, &heard) }()
	silent, stop := context.WithCancel(ctx)
	go tellWhy(silent, s, r.ID, display, &heard)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer func() { // leaving may wait for other runs
		go func() {
			<-signals
			os.Exit(exitCode(err))
		}()
	}()
	err = p.untilEnd(ctx, s, r.ID, display, watched, signals)
	stop()
	display.Close()
	if err != nil {
		return err
	}
	r, err = s.Run(ctx, r.ID)
	if err != nil {
		return err
	}
	return p.conclude(ctx, s, r, out)
}

// untilEnd waits for the end of the stream; the first signal cancels the run, the second ends the process.
func (p *program) untilEnd(ctx context.Context, s *session, id string, d progress.Display, watched <-chan error, signals <-chan os.Signal) error {
	cancelling := false
	for {
		select {
		case err := <-watched:
			return err
		case <-signals:
			if cancelling {
				d.Close()
				warn("stopped at once; what was finished is kept: spinbot resume %s", id)
				os.Exit(exitCancelled)
			}
			cancelling = true
			d.Note("cancelling " + id + " …  (again to stop at once; spinbot resume " + id + " goes on later)")
			if _, err := s.Cancel(ctx, id, "interrupted at the terminal"); err != nil {
				d.Note("cannot cancel: " + err.Error())
			}
		}
	}
}

// watch hands a run's stream to the display until the run ends, and begins again where a stream broke.
func (p *program) watch(ctx context.Context, s *session, r client.Run, t *tracker, d progress.Display, heard *atomic.Uint64) error {
	id, after, broken := r.ID, r.Seq, 0
	for {
		err := s.Watch(ctx, id, after, func(f client.Frame) error {
			broken = 0
			heard.Add(1)
			if f.Event != nil {
				after = f.Event.Seq
				changes, err := t.changes(*f.Event)
				for _, c := range changes {
					d.Change(c)
				}
				note(*f.Event, id, d)
				return err
			}
			if f.Report != nil && f.Report.Kind == "progress" {
				a := f.Report.Address
				d.Report(progress.Report{Node: rowOf(run.Path(a.Modules).String(), a.Node.Name), Key: a.Node.Key.String(),
					Fraction: f.Report.Fraction, Message: f.Report.Message})
			}
			return nil
		})
		var problem *client.Problem
		if err == nil || ctx.Err() != nil || errors.As(err, &problem) {
			return err
		}
		if broken++; broken > 3 {
			return fmt.Errorf("lost the host while watching %s: %w; the run may be going on: spinbot show %s", id, err, id)
		}
	}
}

// tellWhy says why nothing happens, once nothing has for a while. It asks less often the longer that lasts: the answer
// costs the host a reading of the run.
func tellWhy(ctx context.Context, s *session, id string, d progress.Display, heard *atomic.Uint64) {
	const soon, late = time.Second, time.Minute
	told, wait := "", soon
	for {
		was := heard.Load()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if heard.Load() != was {
			wait = soon
			continue
		}
		wait = min(2*wait, late)
		x, err := s.Explain(ctx, id, "")
		if err != nil {
			continue // the stream tells what is wrong
		}
		if why := standstill(x); why != "" && why != told {
			told = why
			d.Note(why)
		}
	}
}

// standstill says what holds a run up of which nothing runs; empty when something does.
func standstill(x client.Explained) string {
	why := ""
	for _, e := range x.List {
		at := strings.TrimPrefix(e.At, x.Run+"/")
		last := at[strings.LastIndexByte(at, '/')+1:]
		switch {
		case e.At == x.Run && e.State == string(run.Created):
			return e.Why
		case e.At == x.Run, strings.HasPrefix(last, "module."): // what is in it counts
		case e.State == string(run.NodeReady) && why == "":
			why = at + ": " + e.Why
		case e.State != string(run.NodeReady) && e.State != string(run.NodePending) && !run.NodeState(e.State).Ended():
			return "" // it runs, or has been told
		}
	}
	return why
}

// note says what a person has to do for the run to go on.
func note(raw client.Event, id string, d progress.Display) {
	e, err := run.Decode(raw.Data)
	if err != nil {
		return
	}
	at := e.At(run.ID(id))
	at.Attempt = 0
	where := strings.TrimPrefix(at.String(), id+"/")
	switch {
	case e.Waits:
		d.Note(where + " failed and waits for you" + colon(firstLine(e.Error.Message)) + "\n  spinbot decide " + id + " " + quoted(where) + " retry|accept|skip|fail")
	case e.Kind == run.GateOpened:
		var q client.Question
		_ = json.Unmarshal(e.Ask, &q) // one that was too big for an event is shown by spinbot show
		d.Note(where + " waits for you" + colon(firstLine(q.Message)) + "\n  spinbot show " + id + "; spinbot approve " + id + " " + quoted(where))
	case e.Kind == run.RunPaused:
		d.Note("paused" + colon(e.Reason) + "; spinbot resume " + id + " goes on")
	}
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// quoted is an address as a shell takes it.
func quoted(at string) string {
	if strings.ContainsAny(at, "[]\"~ %") {
		return "'" + at + "'"
	}
	return at
}

// display chooses how to show progress: JSON events, live bars or plain lines.
func (p *program) display(r client.Run, known []progress.Change) progress.Display {
	style := styleOf(os.Stderr)
	switch {
	case p.json:
		return jsonDisplay{json.NewEncoder(os.Stderr)}
	case terminal(os.Stderr):
		warn("%s  %s", style.Bold(r.Pipeline), style.Dim(r.ID))
		return progress.NewLive(os.Stderr, style, known, sizeOf(os.Stderr), time.Now)
	}
	warn("%s  %s", r.Pipeline, r.ID)
	return progress.NewPlain(os.Stderr, style, known, time.Now)
}

// jsonDisplay writes changes and reports as JSON lines for programs.
type jsonDisplay struct{ e *json.Encoder }

func (d jsonDisplay) Change(c progress.Change) { _ = d.e.Encode(map[string]any{"change": c}) }
func (d jsonDisplay) Report(r progress.Report) { _ = d.e.Encode(map[string]any{"report": r}) }
func (d jsonDisplay) Note(line string)         { _ = d.e.Encode(map[string]any{"note": line}) }
func (d jsonDisplay) Close()                   {}

// conclude says how a run ended, prints its outputs, and gives the error that becomes the exit code.
func (p *program) conclude(ctx context.Context, s *session, r client.Run, out string) error {
	var files []saved
	if out != "" && r.State == "succeeded" {
		var err error
		if files, err = save(ctx, s, r, out); err != nil {
			return err
		}
	}
	if p.json {
		if err := printJSON(map[string]any{"version": client.ShapeVersion, "run": r, "files": files}); err != nil {
			return err
		}
	} else {
		tellEnd(r)
		printOutputs(r, files)
	}
	switch r.State {
	case "succeeded":
		return nil
	case "cancelled":
		return errCancelled
	case "failed":
		return errFailed
	}
	return fmt.Errorf("%s is %s, though its stream ended", r.ID, r.State)
}

// tellEnd names every node that failed, why, and what to do next.
func tellEnd(r client.Run) {
	style := styleOf(os.Stderr)
	took := progress.Elapsed(r.Updated.Sub(r.Created))
	switch r.State {
	case "succeeded":
		warn("%s %s in %s", style.Mark(r.State), style.Good("done"), took)
		return
	case "cancelled":
		warn("%s cancelled after %s; spinbot resume %s goes on", style.Mark(r.State), took, r.ID)
		return
	}
	warn("%s %s after %s", style.Mark(r.State), style.Bad("failed"), took)
	told := false
	for _, n := range r.Nodes {
		if n.State == "failed" && n.Error != nil {
			told = true
			warn("\n%s", style.Bold(n.At)+" ("+n.Type+"): "+n.Error.Message)
			if n.Error.Hint != "" {
				warn("  %s", n.Error.Hint)
			}
			if n.Error.Detail != "" {
				warn("%s", style.Dim(indent(n.Error.Detail)))
			}
		}
	}
	if !told && r.Error != "" {
		warn("%s", r.Error)
	}
	warn("\nspinbot logs %[1]s shows what the nodes said; spinbot resume %[1]s tries again and keeps what succeeded", r.ID)
}
