package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
)

// stepper lets a person go through a run with one word a line.
type stepper struct {
	player *replay.Player
	view   *stepView
	in     replayInput
}

const stepWords = "enter next   b back   n NODE next event of a node   g SEQ go to an event   p all values   q quit"

// stepThrough reads words until the person quits or the input ends.
func stepThrough(ctx context.Context, player *replay.Player, v *stepView, in io.Reader, want replayInput) error {
	v.all = true
	s := &stepper{player, v, want}
	fmt.Fprintf(v.out, "%s  %s, %s\n%s\n", v.style.Bold(v.run), player.Pipeline().Name, counted(int(player.Last()), "event", "events"), v.style.Dim(stepWords))
	if err := s.move(player.Go(max(1, min(want.from, player.Last())))); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "%d/%d> ", player.Seq(), player.Last())
		if !lines.Scan() {
			warn("")
			return lines.Err()
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if word == "q" || word == "quit" || word == "exit" {
			return nil
		}
		s.do(word, strings.TrimSpace(rest))
	}
	return ctx.Err()
}

// do carries out one word; what does not work is said, and the player stays.
func (s *stepper) do(word, rest string) {
	here := s.player.Seq()
	var err error
	switch word {
	case "":
		if rest == "" && s.in.node != "" {
			err = s.find(s.in.node)
		} else {
			err = s.forward()
		}
	case "b":
		if here <= 1 {
			err = errors.New("this is the first event")
		} else {
			err = s.move(s.player.Go(here - 1))
		}
	case "n":
		if rest == "" {
			err = errors.New("write the node too: n shot[2]")
		} else {
			err = s.find(rest)
		}
	case "g":
		seq, wrong := strconv.ParseUint(rest, 10, 64)
		if wrong != nil || seq < 1 || seq > s.player.Last() {
			err = fmt.Errorf("write a number from 1 to %d: g %d", s.player.Last(), s.player.Last())
		} else {
			err = s.move(s.player.Go(seq))
		}
	case "p":
		s.values()
	default:
		err = errors.New(stepWords)
	}
	if err != nil {
		warn("%v", err)
	}
}

func (s *stepper) move(step replay.Step, err error) error {
	if err == nil {
		s.view.step(step)
	}
	return err
}

func (s *stepper) forward() error {
	if s.in.to > 0 && s.player.Seq() >= s.in.to {
		return fmt.Errorf("this is event %d, the last that was asked for", s.in.to)
	}
	step, err := s.player.Step()
	if errors.Is(err, io.EOF) {
		return errors.New("this is the last event")
	}
	return s.move(step, err)
}

// find goes to the next event of a node, and nowhere when there is none.
func (s *stepper) find(node string) error {
	here := s.player.Seq()
	for {
		step, err := s.player.Step()
		if err == nil && !step.Concerns(node) {
			continue
		}
		if err == nil {
			return s.move(step, nil)
		}
		if _, back := s.player.Go(here); back != nil {
			return back
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("no later event concerns %s", node)
		}
		return err
	}
}

// values prints every value there is at this event: variables, locals, and what nodes gave.
func (s *stepper) values() {
	state := s.player.State()
	v := s.view
	room := func(name string) int { return v.room() + labelWidth - len(name) }
	put := func(name string, x any) { fmt.Fprintln(v.out, name+" = "+brief(x, room(name))) }
	for _, name := range sortedKeys(state.Inputs) {
		put("var."+name, state.Inputs[name])
	}
	if scope, err := s.player.Scope(""); err == nil {
		for _, name := range scope.Names() {
			if r, diags := scope.Evaluate(name); strings.HasPrefix(name, "local.") && !diags.HasErrors() && r.Known {
				fmt.Fprintln(v.out, name+" = "+briefResult(r, room(name)))
			}
		}
	}
	state.Walk(func(n *progress.Node) {
		for _, i := range n.Instances {
			if values := i.Values(); values != nil {
				at := sdk.Address{Run: v.run, Modules: n.Frame.Path, Node: i.Step()}
				put(strings.TrimPrefix(at.String(), v.run+"/"), map[string]any(values))
			}
		}
	})
}
