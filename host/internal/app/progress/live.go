package progress

import (
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// frame is the time between two drawings.
const frame = 100 * time.Millisecond

// Live redraws one line per node in place.
type Live struct {
	w     io.Writer
	style Style
	size  func() (width, height int)
	now   func() time.Time
	stop  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	board *board
	drawn int // lines that stand on the terminal now
	tick  int
	notes []string
}

// NewLive starts drawing on w, a terminal whose size is asked for at each drawing.
func NewLive(w io.Writer, style Style, known []Change, size func() (width, height int), now func() time.Time) *Live {
	l := &Live{w: w, style: style, size: size, now: now, stop: make(chan struct{}), done: make(chan struct{}), board: newBoard(known, now())}
	_, _ = io.WriteString(w, "\x1b[?25l") // the cursor would dance
	go l.loop()
	return l
}

func (l *Live) loop() {
	defer close(l.done)
	t := time.NewTicker(frame)
	defer t.Stop()
	for {
		l.draw()
		select {
		case <-l.stop:
			l.draw()
			return
		case <-t.C:
		}
	}
}

// draw writes one whole picture in one write: up to its first line, each line cleared to its end, the rest below
// cleared. Terminals that know synchronized output show it at once.
func (l *Live) draw() {
	width, height := l.size()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tick++
	var b strings.Builder
	b.WriteString("\x1b[?2026h")
	if l.drawn > 0 {
		b.WriteString("\r\x1b[" + strconv.Itoa(l.drawn) + "A")
	}
	for _, n := range l.notes {
		b.WriteString(n + "\x1b[K\n")
	}
	l.notes = nil
	lines := l.board.lines(l.style, l.now(), l.tick, width, height)
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n")
	}
	b.WriteString("\x1b[J\x1b[?2026l")
	l.drawn = len(lines)
	_, _ = io.WriteString(l.w, b.String()) // a terminal that has gone cannot be told
}

// Change takes in a new state.
func (l *Live) Change(c Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.board.change(c)
}

// Report takes in what a node says.
func (l *Live) Report(r Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.board.report(r)
}

// Note shows a line above the bars.
func (l *Live) Note(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes = append(l.notes, line)
}

// Close draws once more and shows the cursor again.
func (l *Live) Close() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	<-l.done
	_, _ = io.WriteString(l.w, "\x1b[?25h")
}
