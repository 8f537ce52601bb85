package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// film is a run in the middle: scenes done, two of six shots done, the film waits.
func film() []Change {
	out := []Change{{Node: "scenes"}, {Node: "shot"}, {Node: "film"},
		{Node: "scenes", State: running, Time: at(0)}, {Node: "scenes", State: succeeded, Time: at(400 * time.Millisecond)},
		{Node: "shot", Total: 6}}
	for i := range 6 {
		out = append(out, Change{Node: "shot", Key: "[" + string(rune('0'+i)) + "]", State: running, Attempt: 1, Time: at(time.Second)})
	}
	return append(out, Change{Node: "shot", Key: "[0]", State: succeeded, Time: at(3 * time.Second)},
		Change{Node: "shot", Key: "[3]", State: succeeded, Time: at(3 * time.Second)})
}

func TestLines(t *testing.T) {
	t.Parallel()
	b := newBoard(film(), start)
	b.report(Report{Node: "shot", Key: "[4]", Fraction: .5, Message: "frame 12\x1b[2J of 24"})
	got := strings.Join(b.lines(Style{Unicode: true}, at(5*time.Second), 0, 100, 30), "\n")
	want := `  ✓ scenes  ━━━━━━━━━━━━━━━━━━━━━━        0.4s
  ⠋ shot    ━━━━━━━━━───────────── 2/6    4.0s  [4] frame 12 [2J of 24
  · film    waits
    1 of 3 nodes  5.0s`
	if got != want {
		t.Errorf("board:\n%s\nwant:\n%s", got, want)
	}
}

func TestFailedAgainAndASCII(t *testing.T) {
	t.Parallel()
	b := newBoard([]Change{{Node: "a", State: running, Time: at(0)}, {Node: "a", State: backoff, Error: "no"}}, start)
	if got := b.lines(Style{}, at(time.Second), 0, 80, 30)[0]; !strings.Contains(got, "tries again") || !strings.Contains(got, "[......") {
		t.Errorf("a node that waits for its next attempt: %q", got)
	}
	b.change(Change{Node: "a", State: failed, Error: "ffmpeg is missing\nmore", Time: at(2 * time.Second)})
	if got := b.lines(Style{}, at(3*time.Second), 0, 80, 30)[0]; !strings.HasPrefix(got, "  x a") || !strings.HasSuffix(got, "ffmpeg is missing") || !strings.Contains(got, "2.0s") {
		t.Errorf("a failed node: %q", got)
	}
}

// Whatever the size of the terminal, no line is wider than it and the board is no higher.
func TestFits(t *testing.T) {
	t.Parallel()
	var changes []Change
	for i := range 40 {
		name := strings.Repeat("字", 1+i%9) + string(rune('a'+i%26)) + string(rune('0'+i/26))
		changes = append(changes, Change{Node: name, State: running, Time: at(0)})
		if i%3 == 0 {
			changes = append(changes, Change{Node: name, State: succeeded, Time: at(time.Second)})
		}
	}
	for width := 44; width < 200; width += 7 {
		for height := 4; height < 60; height += 9 {
			b := newBoard(changes, start)
			b.report(Report{Node: "字b0", Fraction: .3, Message: strings.Repeat("wide 字 ", 40)})
			lines := b.lines(Style{Unicode: true}, at(time.Hour), 3, width, height)
			if len(lines) >= height {
				t.Errorf("%d lines on a terminal of %d", len(lines), height)
			}
			for _, line := range lines {
				if w := runewidth.StringWidth(line); w > width {
					t.Errorf("%d cells on a terminal of %d: %q", w, width, line)
				}
			}
		}
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := start
	p := NewPlain(&out, Style{}, film()[:3], func() time.Time { return now })
	for _, c := range film()[3:] {
		now = c.Time
		if now.IsZero() {
			now = at(500 * time.Millisecond)
		}
		p.Change(c)
	}
	p.Change(Change{Node: "film", State: running, Time: at(4 * time.Second), Attempt: 2})
	for _, f := range []float64{.1, .3, .4, .6, .99} {
		p.Report(Report{Node: "film", Fraction: f, Message: "joining"})
	}
	p.Change(Change{Node: "film", State: failed, Time: at(6 * time.Second), Error: "disk full"})
	p.Close()
	for _, want := range []string{"scenes: done in 0.4s", "shot[5]: running", "shot[3]: done in 2.0s (2/6)", "film: running, attempt 2",
		"film: 25% joining", "film: 50% joining", "film: 75% joining", "film: failed: disk full"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 15 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}

// A wide fan-out is told in tenths.
func TestPlainWide(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := NewPlain(&out, Style{}, []Change{{Node: "n", Total: 1000}}, func() time.Time { return start })
	for i := range 1000 {
		key := "[" + strings.Repeat("1", i+1) + "]"
		p.Change(Change{Node: "n", Key: key, State: running, Time: start})
		p.Change(Change{Node: "n", Key: key, State: succeeded, Time: start})
	}
	if n := strings.Count(out.String(), "\n"); n != 11 {
		t.Errorf("%d lines for a fan-out of 1000, want its start and ten tenths:\n%s", n, out.String())
	}
}

// Many goroutines tell at once while it draws; the cursor is given back in the end.
func TestLiveHammer(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := NewLive(&out, Style{Colour: true, Unicode: true}, film(), func() (int, int) { return 80, 24 }, time.Now)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 300 {
				l.Report(Report{Node: "shot", Key: "[1]", Fraction: float64(i) / 300, Message: "x"})
				l.Change(Change{Node: "film", State: running, Time: time.Now()})
				l.Note("n")
			}
		})
	}
	wg.Wait()
	l.Close()
	l.Close()
	got := out.String()
	if !strings.HasPrefix(got, "\x1b[?25l") || !strings.HasSuffix(got, "\x1b[?25h") {
		t.Error("the cursor was not hidden and given back")
	}
	if n := strings.Count(got, "n\x1b[K\n"); n < 2400 {
		t.Errorf("%d of 2400 notes were shown", n)
	}
}
