package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/core/expr/library"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// console evaluates lines in a scope.
type console struct {
	out, errs io.Writer
	style     progress.Style
	json      bool
	title     string
	player    *replay.Player // nil: of a file
	scope     *eval.Scope
	in        string // the module instance whose inside is seen
	results   []evaluated
	wrong     bool // a line was
	left      bool // the person has
}

// evaluated is one result for programs.
type evaluated struct {
	Expression  string              `json:"expression"`
	Type        string              `json:"type,omitempty"`
	Known       bool                `json:"known"`
	Sensitive   bool                `json:"sensitive,omitempty"` // then there is no value, and text covers it
	Value       json.RawMessage     `json:"value,omitempty"`
	Text        string              `json:"text,omitempty"` // as written in a pipeline
	Unknown     []string            `json:"unknown,omitempty"`
	Diagnostics []client.Diagnostic `json:"diagnostics,omitempty"`
}

const consoleHelp = `An expression, as it might stand in the pipeline: var.topic, length(node.shot), [for s in node.plan.scenes : s.text]
:type EXPR         the type of its value
:names             what an expression may refer to, with values
:functions [NAME]  what may be called, with an example
:in [MODULE]       the inside of a module instance, such as module.finish~2; without one, the run again
:at SEQ            the run as it was at an event
exit               leave (or Ctrl-D)`

// line evaluates an expression, or carries out a word.
func (x *console) line(text string) {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasPrefix(text, "#") || strings.HasPrefix(text, "//") {
		return
	}
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	var err error
	switch word {
	case "exit", "quit", ":q", ":exit", ":quit":
		x.left = true
	case ":help", "help", "?":
		fmt.Fprintln(x.out, consoleHelp)
	case ":type":
		x.evaluate(rest, true)
	case ":names":
		x.names()
	case ":functions":
		err = x.functions(rest)
	case ":in":
		err = x.enter(rest)
	case ":at":
		seq, wrong := strconv.ParseUint(rest, 10, 64)
		if x.player == nil || wrong != nil {
			err = errors.New("write :at and the number of a run's event")
		} else if err = x.goTo(seq); err == nil {
			err = x.enter(x.in)
		}
	default:
		if strings.HasPrefix(word, ":") {
			words := []string{":type", ":names", ":functions", ":in", ":at", ":help"}
			err = fmt.Errorf("there is no %s%s (:help shows what there is)", word, expr.DidYouMean(word, words))
		} else {
			x.evaluate(text, false)
		}
	}
	if err != nil {
		x.wrong = true
		fmt.Fprintln(x.errs, err)
	}
}

// evaluate prints the value of an expression, or its type.
func (x *console) evaluate(text string, typeOnly bool) {
	if text == "" {
		x.wrong = true
		fmt.Fprintln(x.errs, "write the expression too: :type var.topic")
		return
	}
	r, diags := x.scope.Evaluate(text)
	x.wrong = x.wrong || diags.HasErrors()
	if x.json {
		x.keep(text, r, diags)
		return
	}
	if len(diags) > 0 {
		diags.Write(x.errs, func(file string) []byte {
			if file == eval.ExpressionFile {
				return []byte(text)
			}
			return x.scope.Pipeline().Bundle().Source(file)
		}, x.style.Colour)
		if r.Text == "" {
			return
		}
	}
	if typeOnly {
		fmt.Fprintln(x.out, r.Type)
	} else {
		fmt.Fprintln(x.out, r.Text)
	}
	for _, why := range x.unknown(r) {
		fmt.Fprintln(x.out, x.style.Dim("# "+why))
	}
}

func (x *console) keep(text string, r eval.Result, diags diagnostic.Diagnostics) {
	e := evaluated{Expression: text, Type: r.Type, Known: r.Known, Sensitive: r.Sensitive, Text: r.Text, Unknown: x.unknown(r)}
	if r.Known && !r.Sensitive {
		raw, err := sdk.Values{"v": r.Value}.MarshalJSON()
		if err == nil {
			e.Value = json.RawMessage(strings.TrimSuffix(strings.TrimPrefix(string(raw), `{"v":`), "}"))
		}
	}
	for _, d := range diags {
		e.Diagnostics = append(e.Diagnostics, client.Diagnostic{Severity: string(d.Severity), Summary: d.Summary, Detail: d.Detail,
			Range: client.Range{File: d.Range.File, Start: position(d.Range.Start), End: position(d.Range.End)}})
	}
	x.results = append(x.results, e)
}

func (x *console) printJSON() error {
	out := struct {
		Version int         `json:"version"`
		Run     string      `json:"run,omitempty"`
		Seq     uint64      `json:"seq,omitempty"`
		Results []evaluated `json:"results"`
	}{Version: client.ShapeVersion, Results: x.results}
	if x.results == nil {
		out.Results = []evaluated{}
	}
	if x.player != nil {
		out.Run, out.Seq = string(x.player.State().ID), x.player.Seq()
	}
	return printJSON(out)
}

// unknown says why something is not known.
func (x *console) unknown(r eval.Result) (out []string) {
	for _, at := range r.Missing {
		out = append(out, x.why(at))
	}
	return append(out, r.Lost...)
}

// why says why a variable or a node has no value.
func (x *console) why(at string) string {
	if name, ok := strings.CutPrefix(at, "var."); ok {
		return at + " has no value; give it with --var " + name + "=…"
	}
	if x.player == nil {
		return at + " has a value in a run only"
	}
	in, err := x.player.Frame(x.in)
	if err != nil {
		return at + " has not ended"
	}
	n := in.Node(strings.TrimPrefix(at, "node."))
	switch {
	case n == nil:
		return at + " has not ended"
	case n.State == run.NodeFailed && n.Error != nil:
		return at + " failed: " + firstLine(n.Error.Message)
	case n.State == run.NodeFailed, n.State == run.NodeCancelled:
		return at + " has no value: it " + map[run.NodeState]string{run.NodeFailed: "failed", run.NodeCancelled: "was cancelled"}[n.State]
	case n.Each && len(n.Instances) > 0:
		ended := 0
		for _, i := range n.Instances {
			if i.State.Ended() {
				ended++
			}
		}
		return fmt.Sprintf("%s has not ended: %d of %d instances have", at, ended, len(n.Instances))
	}
	return fmt.Sprintf("%s has not ended: it is %s", at, n.State)
}

// goTo goes to an event of the run.
func (x *console) goTo(seq uint64) error {
	if seq < 1 || seq > x.player.Last() {
		return fmt.Errorf("the run has events 1 to %d", x.player.Last())
	}
	_, err := x.player.Go(seq)
	return err
}

// enter goes into a module instance, or back to the run.
func (x *console) enter(in string) error {
	if x.player == nil {
		return errors.New("modules can be entered in a run only: spinbot console RUN")
	}
	scope, err := x.player.Scope(in)
	if err == nil {
		x.scope, x.in = scope, in
	}
	return err
}

// names lists what may be referred to, with its type and value.
func (x *console) names() {
	var rows [][]cell
	for _, name := range x.scope.Names() {
		r, diags := x.scope.Evaluate(name)
		value := briefResult(r, 70)
		if unknown := x.unknown(r); len(unknown) > 0 {
			value = unknown[0]
		}
		if diags.HasErrors() {
			value = diags[0].Summary
		}
		rows = append(rows, []cell{{name, x.style.Bold}, {runewidth.Truncate(r.Type, 32, "…"), x.style.Dim}, plain(firstLine(value))})
	}
	table(x.out, x.style, []string{"NAME", "TYPE", "VALUE"}, rows)
}

// functions documents one function, or lists all.
func (x *console) functions(name string) error {
	var rows [][]cell
	var known []string
	for _, f := range library.Documented() {
		if f.Name == name {
			fmt.Fprintf(x.out, "%s  %s\n  %s%s%s\n", x.style.Bold(f.Signature()), f.Doc, f.Example, x.style.Dim(" = "), f.Result)
			return nil
		}
		known = append(known, f.Name)
		rows = append(rows, []cell{{f.Name, x.style.Bold}, plain(f.Doc)})
	}
	if name != "" {
		return fmt.Errorf("there is no function %s%s (:functions lists them)", name, expr.DidYouMean(name, known))
	}
	table(x.out, x.style, []string{"FUNCTION", "GIVES"}, rows)
	return nil
}

// talk reads lines at a terminal, with a history and completion, until the person leaves.
func (x *console) talk(ctx context.Context) error {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(fd, before) }() // the terminal is gone when it fails
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, "> ")
	t.AutoCompleteCallback = x.complete
	x.out, x.errs = t, t
	title := x.title
	if title != "" {
		title = x.style.Bold(title) + "\n"
	}
	if x.player != nil {
		title += x.style.Dim(fmt.Sprintf("at event %d of %d, run %s\n", x.player.Seq(), x.player.Last(), x.player.State().Status))
	}
	fmt.Fprint(t, title+x.style.Dim(":help shows what there is; exit leaves")+"\n")
	for ctx.Err() == nil && !x.left {
		_ = t.SetSize(sizeOf(os.Stdout)()) // only the wrapping of long lines suffers
		text, err := t.ReadLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return err
		}
		x.line(text)
	}
	return ctx.Err()
}

// complete completes the name before the cursor as far as it is clear.
func (x *console) complete(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	from := pos
	for from > 0 && (line[from-1] == '.' || line[from-1] == '_' || line[from-1] == ':' || line[from-1] >= '0' && line[from-1] <= '9' ||
		line[from-1]|0x20 >= 'a' && line[from-1]|0x20 <= 'z') {
		from--
	}
	written, best := line[from:pos], ""
	candidates := append(x.scope.Names(), ":type ", ":names", ":functions ", ":in ", ":at ", ":help", "exit")
	for _, name := range library.Names() {
		candidates = append(candidates, name+"(")
	}
	for _, c := range candidates {
		if written == "" || !strings.HasPrefix(c, written) {
			continue
		}
		if best == "" {
			best = c
			continue
		}
		n := 0
		for n < min(len(best), len(c)) && best[n] == c[n] {
			n++
		}
		best = best[:n]
	}
	if len(best) <= len(written) {
		return line, pos, true
	}
	return line[:from] + best + line[pos:], from + len(best), true
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
