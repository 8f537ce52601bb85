// Package text holds what stands in an editor: a document's text, its positions as editors count them, and its items,
// which are the blocks and attributes at the top of the file. An edit makes a new Text that shares every item which it
// did not touch, so that what was found out about an item is found out once, however large the file. It knows how
// HCL nests, as far as that is needed to find where an item ends in text that is broken, and nothing of its meaning.
package text

import (
	"bytes"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// Item is one block or attribute at the top of a file, with the comments before it, up to the end of its last line.
// It does not change; where it stands is known by its Text.
type Item struct {
	Src string
	// Kind is the block's type or the attribute's name; empty when nothing but comments stands here.
	Kind string
	// Labels are those of a block, up to the first that is broken.
	Labels []Label
	// At is where Kind begins in Src.
	At int
	// Memo is for whoever reads items: what was worked out from Src alone. It belongs to one reader at a time.
	Memo any
}

// Label is a label of a block: its text without quotes, and where that stands in the item.
type Label struct {
	Text     string
	From, To int
}

// Text is a document's text. It is never changed.
type Text struct {
	src    string
	lines  []int // where each begins
	items  []*Item
	starts []int // where each begins
	heads  *Heads
}

// Heads is a place to keep what was worked out from the kinds and labels of all items, in their order: an edit that
// changes none of them, and nothing within locals, leaves it where it is.
type Heads struct{ Memo any }

// New divides a text into its items.
func New(src string) *Text {
	t := &Text{src: src, lines: lineStarts(src, make([]int, 1, 16+len(src)/24), 0), heads: &Heads{}}
	t.items, t.starts = divide(src, 0, nil, func(int) bool { return false })
	return t
}

// String gives the whole text.
func (t *Text) String() string { return t.src }

// Heads is shared by texts whose items have the same heads.
func (t *Text) Heads() *Heads { return t.heads }

// Items gives the items and where each begins, both in order.
func (t *Text) Items() (items []*Item, starts []int) { return t.items, t.starts }

// ItemAt gives the index of the item at an offset; that of the later one between two, -1 in an empty text.
func (t *Text) ItemAt(offset int) int {
	return sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > offset }) - 1
}

// Edit puts other text in the place of src[from:to].
func (t *Text) Edit(from, to int, with string) *Text {
	from = max(0, min(from, len(t.src)))
	to = max(from, min(to, len(t.src)))
	n := &Text{src: t.src[:from] + with + t.src[to:], lines: t.moved(from, to, with), heads: t.heads}
	first := max(0, t.ItemAt(from)-1) // the one before may have ended because of what followed
	start := 0
	if len(t.starts) > 0 {
		start = t.starts[first]
	}
	delta := len(with) - (to - from)
	rest := len(t.starts)
	items, starts := divide(n.src, start, nil, func(end int) bool {
		if end < from+len(with) || end-delta < to {
			return false
		}
		i := sort.SearchInts(t.starts, end-delta)
		if i < len(t.starts) && t.starts[i] == end-delta {
			rest = i
			return true
		}
		return false
	})
	n.items = append(append(append(make([]*Item, 0, len(t.items)+2), t.items[:first]...), items...), t.items[rest:]...)
	n.starts = append(append(make([]int, 0, len(t.items)+2), t.starts[:first]...), starts...)
	for _, s := range t.starts[rest:] {
		n.starts = append(n.starts, s+delta)
	}
	if !slices.EqualFunc(t.items[first:rest], items, sameHead) {
		n.heads = &Heads{}
	}
	return n
}

func sameHead(a, b *Item) bool {
	return a.Kind == b.Kind && a.Kind != "locals" && slices.EqualFunc(a.Labels, b.Labels, func(x, y Label) bool { return x.Text == y.Text })
}

// moved is where the lines begin once src[from:to] is replaced.
func (t *Text) moved(from, to int, with string) []int {
	before := sort.SearchInts(t.lines, from+1)
	after := sort.SearchInts(t.lines, to+1)
	lines := append(make([]int, 0, len(t.lines)+strings.Count(with, "\n")), t.lines[:before]...)
	lines = lineStarts(with, lines, from)
	for _, at := range t.lines[after:] {
		lines = append(lines, at+len(with)-(to-from))
	}
	return lines
}

// lineStarts adds where the lines after the first begin, in a text that begins at an offset.
func lineStarts(src string, lines []int, offset int) []int {
	for at := 0; ; {
		i := strings.IndexByte(src[at:], '\n')
		if i < 0 {
			return lines
		}
		at += i + 1
		lines = append(lines, offset+at)
	}
}

// Position is a place as editors count it: line and character from 0, characters in units of an Encoding.
type Position struct{ Line, Character int }

// Encoding says what a position's characters are.
type Encoding string

// The encodings of LSP, by the names that it uses.
const (
	UTF8  Encoding = "utf-8"
	UTF16 Encoding = "utf-16"
	UTF32 Encoding = "utf-32"
)

// Offset turns a position into an offset in bytes. What lies beyond a line's end is its end.
func (t *Text) Offset(p Position, enc Encoding) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(t.lines) {
		return len(t.src)
	}
	at, end := t.lines[p.Line], len(t.src)
	if p.Line+1 < len(t.lines) {
		end = t.lines[p.Line+1] - 1
	}
	for n := p.Character; n > 0 && at < end; {
		r, size := utf8.DecodeRuneInString(t.src[at:])
		n -= units(r, size, enc)
		at += size
	}
	if at == end && end > t.lines[p.Line] && t.src[end-1] == '\r' {
		at--
	}
	return at
}

// Position turns an offset in bytes into a position.
func (t *Text) Position(offset int, enc Encoding) Position {
	offset = max(0, min(offset, len(t.src)))
	line := sort.SearchInts(t.lines, offset+1) - 1
	p := Position{Line: line}
	for at := t.lines[line]; at < offset; {
		r, size := utf8.DecodeRuneInString(t.src[at:])
		p.Character += units(r, size, enc)
		at += size
	}
	return p
}

// units counts what a rune takes; a byte that is no UTF-8 is one replacement character.
func units(r rune, size int, enc Encoding) int {
	switch {
	case enc == UTF8:
		return size
	case enc == UTF16 && r > 0xffff:
		return 2
	}
	return 1
}

// Line gives the line that an offset stands in, without its end, and where it begins.
func (t *Text) Line(offset int) (line string, start int) {
	offset = max(0, min(offset, len(t.src)))
	start = t.lines[sort.SearchInts(t.lines, offset+1)-1]
	rest := t.src[start:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimSuffix(rest, "\r"), start
}

// Change is the smallest stretch that differs between two texts: old[from:to] becomes with.
func Change(old, new []byte) (from, to int, with []byte) {
	for from < len(old) && from < len(new) && old[from] == new[from] {
		from++
	}
	from = bytes.LastIndexByte(old[:from], '\n') + 1 // whole lines
	o, n := len(old), len(new)
	for o > from && n > from && old[o-1] == new[n-1] {
		o--
		n--
	}
	if i := bytes.IndexByte(old[o:], '\n'); i >= 0 && n+i <= len(new) {
		o, n = o+i, n+i
	}
	return from, o, new[from:n]
}
