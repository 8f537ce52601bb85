package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// Style says what the terminal can show.
type Style struct {
	Colour  bool
	Unicode bool
}

// paints are SGR sequences by meaning.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

func (s Style) paint(code, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return code + text + reset
}

// Good paints what went well.
func (s Style) Good(text string) string { return s.paint(green, text) }

// Bad paints what went wrong.
func (s Style) Bad(text string) string { return s.paint(red, text) }

// Dim paints what matters less.
func (s Style) Dim(text string) string { return s.paint(dim, text) }

// Bold paints what matters most.
func (s Style) Bold(text string) string { return s.paint(bold, text) }

// Mark is the sign of a state, painted.
func (s Style) Mark(state string) string { return s.mark(state, 0) }

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

func (s Style) mark(state string, tick int) string {
	var signs, code string
	switch state {
	case succeeded, cached:
		signs, code = "✓+", green
	case failed:
		signs, code = "✗x", red
	case cancelled:
		signs, code = "◼x", yellow
	case "warning":
		signs, code = "!!", yellow
	case skipped:
		signs, code = "–-", dim
	case running:
		signs, code = spinner[tick%len(spinner)]+"*", cyan
	default:
		signs, code = "·.", dim
	}
	r := []rune(signs)
	if s.Unicode {
		return s.paint(code, string(r[0]))
	}
	return s.paint(code, string(r[1]))
}

// A bar is this wide where there is room for it, and never narrower than the least.
const barWidth, leastBar = 22, 4

func (s Style) bar(fraction float64, state string, width int) string {
	code := cyan
	switch state {
	case succeeded, cached:
		code = green
	case failed:
		code = red
	case cancelled:
		code = yellow
	}
	if !s.Unicode {
		full := int(fraction * float64(width))
		return "[" + s.paint(code, strings.Repeat("#", full)) + strings.Repeat(".", width-full) + "]"
	}
	halves := int(fraction * float64(width) * 2)
	text := strings.Repeat("━", halves/2)
	if halves%2 == 1 {
		text += "╸"
	}
	return s.paint(code, text) + s.paint(dim, strings.Repeat("─", width-(halves+1)/2))
}

// lines draws the board for a terminal of the given size.
func (b *board) lines(s Style, now time.Time, tick, width, height int) []string {
	name, count := 4, 0
	for _, r := range b.rows {
		name = max(name, runewidth.StringWidth(r.name))
		if r.size() > 1 || r.total > 1 {
			count = max(count, len(counter(r)))
		}
	}
	name = min(name, max(width/3, 8))
	var out []string
	for _, r := range b.visible(height - 2) {
		out = append(out, r.line(s, now, tick, width, name, count))
	}
	return append(out, b.footer(s, now, width))
}

// visible leaves out rows when the terminal is too low: first those that ended, then those that wait.
func (b *board) visible(room int) []*row {
	if len(b.rows) <= room || room < 1 {
		return b.rows
	}
	drop := len(b.rows) - room
	var kept []*row
	for _, r := range b.rows {
		if st := r.state(); drop > 0 && (st == succeeded || st == skipped) {
			drop--
			continue
		}
		kept = append(kept, r)
	}
	return kept[:min(room, len(kept))]
}

func counter(r *row) string { return fmt.Sprintf("%d/%d", r.done, r.size()) }

func (r *row) line(s Style, now time.Time, tick, width, name, count int) string {
	state := r.state()
	label := fit(r.name, name)
	if state == pending || state == skipped {
		text := "waits"
		switch why := r.message(); {
		case state == skipped:
			text = "skipped"
		case why != "":
			text = runewidth.Truncate("waits: "+clean(why), max(8, width-name-8), "…")
		}
		return "  " + s.mark(state, tick) + " " + s.Dim(label+"  "+text)
	}
	counted := ""
	if count > 0 {
		if r.size() > 1 {
			counted = counter(r)
		}
		counted = fmt.Sprintf(" %*s", count, counted)
	}
	used := 2 + 1 + 1 + name + 2 + len(counted) + 1 + 7
	if !s.Unicode {
		used += 2
	}
	bar := min(barWidth, max(leastBar, width-used-1))
	used += bar
	head := "  " + s.mark(state, tick) + " " + label + "  " + s.bar(r.fraction(), state, bar) + counted + " " +
		s.Dim(fmt.Sprintf("%7s", Elapsed(r.took(now))))
	text := ""
	switch state {
	case running:
		text = r.message()
	case failed:
		text = firstLine(r.err)
	}
	room := width - used - 3
	if text == "" || room < 8 {
		return head
	}
	text = runewidth.Truncate(clean(text), room, "…")
	if state == failed {
		return head + "  " + s.Bad(text)
	}
	return head + "  " + s.Dim(text)
}

func (b *board) footer(s Style, now time.Time, width int) string {
	done := 0
	for _, r := range b.rows {
		if terminal(r.state()) {
			done++
		}
	}
	text := fmt.Sprintf("    %d of %d nodes  %s", done, len(b.rows), Elapsed(now.Sub(b.start)))
	return s.Dim(runewidth.Truncate(text, width-1, "…"))
}

// fit pads or cuts to a width in cells.
func fit(text string, width int) string {
	text = clean(text)
	if runewidth.StringWidth(text) > width {
		return runewidth.Truncate(text, width, "…")
	}
	return runewidth.FillRight(text, width)
}

// clean keeps a node from moving the cursor.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, text)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// Elapsed writes a duration for people: 0.4s, 12.3s, 2:05, 1:02:03.
func Elapsed(d time.Duration) string {
	d = max(d, 0)
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	}
	s := int(d.Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
