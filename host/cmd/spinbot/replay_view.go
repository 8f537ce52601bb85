package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
)

// stepView writes the steps of a replay for a person: a line for the event, and under it a labelled line for each thing
// that it changed or carried.
type stepView struct {
	out   io.Writer
	style progress.Style
	run   string
	width func() (int, int)
	all   bool // say at every step what is under way, waits and is ready, not only when that has changed
	last  time.Time
	next  replay.Next // of the last step
}

// labelWidth is how far the labels reach in.
const labelWidth = 15

func (v *stepView) step(s replay.Step) {
	where := "run"
	if s.At != "" {
		where = s.At
	}
	text := firstLine(s.Text)
	if s.Level == "error" {
		text = v.style.Bad(text)
	}
	fmt.Fprintf(v.out, "%5d  %s  %s  %s\n", s.Seq, v.style.Dim(v.clock(s.Time)), v.style.Bold(where), text)
	v.changes(where, s.Changes)
	v.carried(s)
	v.begins(s)
}

// clock is the time of the first step, and how long each other one came after the one before; where a person goes back
// and forth, always the time.
func (v *stepView) clock(t time.Time) string {
	was := v.last
	v.last = t
	if v.all {
		return t.Local().Format("15:04:05.000")
	}
	if was.IsZero() || t.Before(was) {
		return t.Local().Format("15:04:05")
	}
	switch d := t.Sub(was); {
	case d < time.Second:
		return fmt.Sprintf("%8s", fmt.Sprintf("+%dms", d.Milliseconds()))
	case d < time.Minute:
		return fmt.Sprintf("%8s", fmt.Sprintf("+%.1fs", d.Seconds()))
	default:
		return fmt.Sprintf("%8s", "+"+progress.Elapsed(d))
	}
}

// lines writes lines under one label.
func (v *stepView) lines(label string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(v.out, "%s  %s\n", v.style.Dim(fmt.Sprintf("%*s", labelWidth, label)), line)
	}
}

// room is how wide what stands beside a label may be.
func (v *stepView) room() int {
	w, _ := v.width()
	return max(40, w-labelWidth-3)
}

// maxLines is how many changes, keys or inputs of a step are listed.
const maxLines = 24

func (v *stepView) changes(where string, list []replay.Change) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b replay.Change) int { return other(a, where) - other(b, where) })
	var lines []string
	arrow := "->"
	if v.style.Unicode {
		arrow = "→"
	}
	for i := 0; i < len(list); {
		c, same := list[i], 1
		for i+same < len(list) && list[i+same].From == c.From && list[i+same].To == c.To && bare(list[i+same].At) == bare(c.At) {
			same++
		}
		at := c.At
		switch {
		case at == "":
			at = "run"
		case same > 2:
			at = fmt.Sprintf("%s … %s", c.At, strings.TrimPrefix(list[i+same-1].At, bare(c.At)))
			if !v.style.Unicode {
				at = strings.Replace(at, "…", "...", 1)
			}
		default:
			same = 1
		}
		i += same
		change := v.state(c.To)
		if c.From != "" {
			change = v.style.Dim(c.From) + " " + arrow + " " + change
		}
		if at != where {
			change = at + "  " + change
		}
		lines = append(lines, change)
	}
	v.lines("state", v.cut(lines))
}

// other is 0 for a change of what the event speaks of, which goes first.
func other(c replay.Change, where string) int {
	if c.At == where || c.At == "" && where == "run" {
		return 0
	}
	return 1
}

// bare is an address without its last key.
func bare(at string) string {
	if i := strings.LastIndexByte(at, '['); i > strings.LastIndexByte(at, '/') {
		return at[:i]
	}
	return at
}

func (v *stepView) state(state string) string {
	if c := stateCell(v.style, state); c.paint != nil {
		return c.paint(state)
	}
	return state
}

func (v *stepView) cut(lines []string) []string {
	if len(lines) > maxLines {
		return append(lines[:maxLines-1:maxLines-1], v.style.Dim(fmt.Sprintf("and %d more", len(lines)-maxLines+1)))
	}
	return lines
}

// carried writes the values of a step.
func (v *stepView) carried(s replay.Step) {
	if s.When != nil {
		v.lines("when", []string{fmt.Sprint(*s.When)})
	}
	if s.Keys != nil {
		v.lines("for_each", []string{v.keys(s.Keys)})
	}
	if s.Question != nil {
		v.question(s)
	}
	label := "input"
	switch s.Kind {
	case "run_created":
		label = "var"
	case "node_decided":
		label = "set"
	default: // what an attempt or a module begins with
	}
	v.lines(label, v.cut(v.named(s.Inputs)))
	label = "output"
	if s.Kind == "gate_answered" {
		label = "answer"
	}
	v.lines(label, v.cut(v.named(s.Outputs)))
	if s.Error != nil && s.Error.Hint != "" {
		v.lines("hint", []string{s.Error.Hint})
	}
	if s.Problem != "" {
		v.lines("problem", []string{v.style.Bad(firstLine(s.Problem))})
	}
}

func (v *stepView) keys(keys []string) string {
	if len(keys) == 0 {
		return "nothing: no instances"
	}
	shown := keys[:min(len(keys), 12)]
	text := strings.Join(shown, " ")
	if len(keys) > len(shown) {
		text += fmt.Sprintf(" and %d more", len(keys)-len(shown))
	}
	return text
}

func (v *stepView) question(s replay.Step) {
	q := s.Question
	var lines []string
	if q.Message != "" {
		lines = append(lines, firstLine(q.Message))
	}
	lines = append(lines, v.named(q.Show)...)
	for _, f := range q.Form {
		line := f.Name + ": " + f.Type
		if f.Default != nil {
			line += " = " + brief(f.Default, v.room()-len(line)-3)
		}
		lines = append(lines, line)
	}
	if s.Deadline != nil {
		lines = append(lines, v.style.Dim("until "+s.Deadline.Local().Format(time.DateTime)))
	}
	v.lines("asks", v.cut(lines))
}

func (v *stepView) named(values sdk.Values) (lines []string) {
	widest := 0
	names := sortedKeys(values)
	for _, name := range names {
		widest = max(widest, min(runewidth.StringWidth(name), 24))
	}
	for _, name := range names {
		lead := runewidth.FillRight(name, widest) + " = "
		lines = append(lines, lead+brief(values[name], v.room()-runewidth.StringWidth(lead)))
	}
	return lines
}

// begins writes what waits and what may begin, where that has changed.
func (v *stepView) begins(s replay.Step) {
	was := v.next
	v.next = s.Next
	if v.all {
		v.list("running", s.Next.Running)
	}
	if v.all || !slices.Equal(was.Waiting, s.Next.Waiting) {
		v.list("waiting", s.Next.Waiting)
	}
	if v.all || !slices.Equal(was.Ready, s.Next.Ready) {
		v.list("ready", s.Next.Ready)
	}
}

// list writes as many addresses as there is room for.
func (v *stepView) list(label string, list []string) {
	if len(list) == 0 {
		return
	}
	text := list[0]
	for i, at := range list[1:] {
		if runewidth.StringWidth(text)+runewidth.StringWidth(at)+14 > v.room() || i == replay.MaxNext-2 {
			text += fmt.Sprintf(" and %d more", len(list)-i-1)
			if len(list) == replay.MaxNext {
				text = strings.Replace(text, " more", " or more", 1)
			}
			break
		}
		text += "  " + at
	}
	v.lines(label, []string{text})
}

// brief writes a value on one line of that many columns: artifacts by name, type and size, long text and long lists cut.
func brief(x any, width int) string {
	return runewidth.Truncate(briefly(x, max(width, 20)), max(width, 20), "…")
}

// briefResult is brief for what an expression came to. What is sensitive in it is covered.
func briefResult(r eval.Result, width int) string {
	if r.Known && !r.Sensitive {
		return brief(r.Value, width)
	}
	return runewidth.Truncate(strings.Join(strings.Fields(r.Text), " "), max(width, 20), "…")
}

func briefly(x any, width int) string {
	switch x := x.(type) {
	case nil:
		return "null"
	case string:
		return briefText(x, width)
	case sdk.Artifact:
		return strings.TrimLeft(x.Name+"  ", " ") + x.MediaType + "  " + sdk.FormatSize(x.Size) + "  " + datum.ShortDigest(x.Digest)
	case []any:
		return briefList(x, width)
	case map[string]any:
		var parts []string
		for _, name := range sortedKeys(x) {
			if width < 8 {
				parts = append(parts, "…")
				break
			}
			part := name + " = " + briefly(x[name], width/2)
			parts = append(parts, part)
			width -= len(part) + 2
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case json.Number:
		return string(x)
	}
	return valueText(x)
}

func briefText(s string, width int) string {
	quoted := datum.Quote(s)
	if runewidth.StringWidth(quoted) <= width {
		return quoted
	}
	note := fmt.Sprintf("… (%d characters)", len([]rune(s)))
	return runewidth.Truncate(quoted, max(8, width-len(note)), "") + `"` + note
}

func briefList(list []any, width int) string {
	var parts []string
	for i, e := range list {
		part := briefly(e, width/2)
		if i > 0 && len(part)+len(parts)*2 > width-16 {
			parts = append(parts, fmt.Sprintf("… %d more", len(list)-i))
			break
		}
		parts = append(parts, part)
		width -= len(part)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
