package outline

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/lsp/place"
)

// Ref is a reference; its offsets count in the whole file.
type Ref = place.Ref

// Place is where a cursor stands; its offsets count in the whole file.
type Place = place.Place

// At finds out where an offset stands.
func (f *File) At(offset int) Place {
	i := f.Text.ItemAt(offset)
	items, starts := f.Text.Items()
	if i > 0 && starts[i] == offset && !endsLine(items[i-1].Src) {
		i-- // the last line has no end yet
	}
	if i < 0 || endsLine(items[i].Src) && offset == starts[i]+len(items[i].Src) {
		return Place{Want: place.Item, From: offset, To: offset, Item: i}
	}
	p := place.New(items[i].Src).At(offset - starts[i]).Moved(starts[i])
	p.Item = i
	return p
}

func endsLine(s string) bool { return strings.HasSuffix(s, "\n") }

// Refs gives every reference in the file, in its order.
func (f *File) Refs() []Ref {
	var out []Ref
	items, starts := f.Text.Items()
	for i, item := range items {
		for _, r := range remember(item).references() {
			out = append(out, r.Moved(starts[i]))
		}
	}
	return out
}

// RefAt gives the reference that an offset stands in, from its root to its member.
func (f *File) RefAt(offset int) (Ref, bool) {
	i := f.Text.ItemAt(offset)
	for _, i := range []int{i, i - 1} { // at the very end of an item too
		if i < 0 {
			continue
		}
		item, start := f.item(i)
		for _, r := range remember(item).references() {
			r = r.Moved(start)
			if offset >= r.From-len(r.Root)-1 && offset <= max(r.To, r.MemberTo) {
				return r, true
			}
		}
	}
	return Ref{}, false
}

func (m *memo) references() []Ref {
	if !m.scanned.refs {
		m.scanned.refs = true
		m.refs = place.New(m.item.Src).Refs()
	}
	return m.refs
}
