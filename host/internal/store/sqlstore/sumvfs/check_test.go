package sumvfs

import (
	"strings"
	"testing"
)

// TestCheckLog compares a log of three frames, the last of them a commit, with what its index says.
func TestCheckLog(t *testing.T) {
	t.Parallel()
	gen := generation{7, 8}
	whole := logState{size: logHeader + 3*frameSize, valid: true, gen: gen, end: logHeader + 3*frameSize}
	with := func(change func(*logState)) logState {
		l := whole
		change(&l)
		return l
	}
	for _, c := range []struct {
		name string
		log  logState
		said index
		want string // part of the message; empty: it is fine
	}{
		{"all there", whole, index{gen: gen, frames: 3}, ""},
		{"no index", whole, index{}, ""},
		{"an index from before the last commits", whole, index{gen: gen, frames: 1}, ""},
		{"an index from before the log was begun anew", whole, index{gen: generation{6, 1}, frames: 900}, ""},
		{"begun anew, and killed before the first frame", with(func(l *logState) { l.size, l.end = logHeader, logHeader }), index{gen: generation{6, 1}, frames: 900}, ""},
		{"killed between the log's end and its index's", logState{}, index{gen: gen, frames: 3, copied: 3}, ""},
		{"gone", logState{}, index{gen: gen, frames: 3, copied: 2}, "missing"},
		{"cut off", with(func(l *logState) { l.size--; l.end -= frameSize }), index{gen: gen, frames: 3}, "cut off"},
		{"a frame is damaged", with(func(l *logState) { l.end = logHeader }), index{gen: gen, frames: 3}, "between bytes 32 and 12392"},
		{"the header is damaged", logState{size: whole.size}, index{gen: gen, frames: 3}, "header"},
		{"another log", whole, index{gen: generation{8, 8}, frames: 3}, "header"},
		{"a log of long ago", with(func(l *logState) { l.gen.salt1 = 1 << 31 }), index{gen: gen, frames: 3}, "header"},
	} {
		err := checkLog("x.db-wal", c.log, c.said)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	p := blankPage()
	if !sealed(p, 1) || sealed(p, 2) {
		t.Fatal("a page is known by its number")
	}
	for i := range p {
		for bit := range 8 {
			p[i] ^= 1 << bit
			if sealed(p, 1) {
				t.Errorf("bit %d of byte %d may change unseen", bit, i)
			}
			p[i] ^= 1 << bit
		}
	}
}
