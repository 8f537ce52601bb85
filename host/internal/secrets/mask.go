package secrets

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// Masked stands in text for what is not shown.
const Masked = "•••"

// Bounds of what a Mask knows beside secrets: when there are more values, those that were not met for longest go.
const maxValues = 2000

// Mask takes sensitive values out of text: as they are, and in base64, hex, URL and JSON encodings. It is safe for
// concurrent use.
//
// Every form of a value is at least MinLength bytes long, so the bytes at each place of a text are looked up at once: no
// automaton has to be built again when a value is added, and a line of text costs a few nanoseconds a byte.
type Mask struct {
	mu     sync.RWMutex
	values map[string]*entry
	met    uint64 // counts Keep and Add
	filter [1 << (filterBits - 6)]uint64
	heads  map[uint64][]form // by their first MinLength bytes
}

const filterBits = 19

// entry is a value that is masked.
type entry struct {
	kept bool // not to be forgotten
	met  uint64
}

// NewMask makes a mask that knows nothing.
func NewMask() *Mask {
	return &Mask{values: map[string]*entry{}, heads: map[uint64][]form{}}
}

// Keep masks a text from now on. One shorter than MinLength is not masked: it is part of too much else.
func (m *Mask) Keep(text string) { m.add(text, true) }

// Add masks all texts and numbers in a value, until many others have come.
func (m *Mask) Add(x any) {
	switch x := x.(type) {
	case string:
		m.add(x, false)
	case json.Number:
		m.add(string(x), false)
	case []any:
		for _, y := range x {
			m.Add(y)
		}
	case map[string]any:
		for _, y := range x {
			m.Add(y)
		}
	case sdk.Values:
		m.Add(map[string]any(x))
	}
}

func (m *Mask) add(text string, keep bool) {
	if len(text) < MinLength {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.met++
	if e := m.values[text]; e != nil {
		e.met, e.kept = m.met, e.kept || keep
		return
	}
	m.values[text] = &entry{keep, m.met}
	m.learn(text)
	if len(m.values) > 2*maxValues {
		m.forget()
	}
}

// learn enters the forms of a value; the caller holds mu.
func (m *Mask) learn(text string) {
	for _, f := range formsOf(text) {
		head := window(f.text)
		bit := hash(head)
		m.filter[bit>>6] |= 1 << (bit & 63)
		m.heads[head] = append(m.heads[head], f)
	}
}

// forget leaves the values that were met last; the caller holds mu.
func (m *Mask) forget() {
	var old []string
	for text, e := range m.values {
		if !e.kept {
			old = append(old, text)
		}
	}
	slices.SortFunc(old, func(a, b string) int { return cmp.Compare(m.values[a].met, m.values[b].met) })
	for _, text := range old[:max(0, len(old)-maxValues)] {
		delete(m.values, text)
	}
	clear(m.filter[:])
	clear(m.heads)
	for text := range m.values {
		m.learn(text)
	}
}

// window packs the first MinLength bytes.
func window(s string) (w uint64) {
	for i := range MinLength {
		w = w<<8 | uint64(s[i])
	}
	return w
}

func hash(w uint64) uint64 { return w * 0x9e3779b97f4a7c15 >> (64 - filterBits) }

// String gives the text with every known value replaced by Masked. Where the text was cut off, which "…" at its end tells,
// the beginning of a value goes too.
func (m *Mask) String(s string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if len(s) < MinLength || len(m.heads) == 0 {
		return s
	}
	var b strings.Builder
	written, from, to := 0, -1, -1 // from to to: what is to be masked next
	flush := func() {
		if from >= 0 {
			b.WriteString(s[written:from])
			b.WriteString(Masked)
			written, from = to, -1
		}
	}
	w := window(s)
	for i := 0; ; i++ {
		if bit := hash(w); m.filter[bit>>6]&(1<<(bit&63)) != 0 {
			if begin, end := m.longest(s, i, w); end > i {
				begin = max(begin, written)
				if begin > to {
					flush()
				}
				if from < 0 {
					from = begin
				}
				to = max(to, end)
			}
		}
		if i+MinLength >= len(s) {
			break
		}
		w = (w<<8 | uint64(s[i+MinLength])) & (1<<(8*MinLength) - 1)
	}
	flush()
	if written == 0 {
		return s
	}
	b.WriteString(s[written:])
	return b.String()
}

// longest finds the longest form that stands at a place of the text, and where it begins and ends with what belongs to it.
func (m *Mask) longest(s string, i int, w uint64) (begin, end int) {
	begin = i
	cut := strings.TrimSuffix(strings.TrimSuffix(s, "…"), "...")
	for _, f := range m.heads[w] {
		switch {
		case strings.HasPrefix(s[i:], f.text):
			b, e := f.stretch(s, i)
			begin, end = min(begin, b), max(end, e)
		case len(cut) < len(s) && i < len(cut) && strings.HasPrefix(f.text, cut[i:]):
			end = max(end, len(cut))
		}
	}
	return begin, end
}

// Bytes is String for bytes.
func (m *Mask) Bytes(b []byte) []byte { return []byte(m.String(string(b))) }
