package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/myspinbot/spinbot/host/internal/app/progress"
)

// printJSON writes a listing for programs.
func printJSON(v any) error {
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// cell is text with the paint it is shown in.
type cell struct {
	text  string
	paint func(string) string
}

// table writes rows in columns as wide as their widest cell; the head is dimmed.
func table(w io.Writer, style progress.Style, head []string, rows [][]cell) {
	all := make([][]cell, 0, len(rows)+1)
	top := make([]cell, len(head))
	for i, h := range head {
		top[i] = cell{h, style.Dim}
	}
	all = append(append(all, top), rows...)
	width := make([]int, len(head))
	for _, r := range all {
		for i, c := range r {
			width[i] = max(width[i], runewidth.StringWidth(c.text))
		}
	}
	for _, r := range all {
		var b strings.Builder
		for i, c := range r {
			text, pad := c.text, ""
			if i < len(r)-1 {
				pad = strings.Repeat(" ", width[i]-runewidth.StringWidth(text)+2)
			}
			if c.paint != nil {
				text = c.paint(text)
			}
			b.WriteString(text + pad)
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

func plain(text string) cell { return cell{text: text} }

// stateCell paints a state by what it means.
func stateCell(style progress.Style, state string) cell {
	switch state {
	case "succeeded", "ready", "cached":
		return cell{state, style.Good}
	case "failed", "refused", "broken", "interrupted":
		return cell{state, style.Bad}
	case "pending", "skipped":
		return cell{state, style.Dim}
	}
	return cell{text: state}
}

// ago writes how long something is past: "12s ago", "3h ago", or the day.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return t.Local().Format("2 Jan 2006")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
