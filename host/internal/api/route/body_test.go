package route

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// fakeConn is a line on which so much comes in each stretch of time.
type fakeConn struct {
	net.Conn
	reads, asked int
	deadlines    []time.Time
}

func (f *fakeConn) SetReadDeadline(t time.Time) error {
	f.deadlines = append(f.deadlines, t)
	return nil
}
func (f *fakeConn) Read(b []byte) (int, error) {
	if f.reads++; f.reads > f.asked {
		return 0, io.EOF
	}
	return copy(b, strings.Repeat("x", 4<<10)), nil
}

// TestPace: each 16 KiB get the whole patience anew, and all of it an end.
func TestPace(t *testing.T) {
	t.Parallel()
	f := &fakeConn{asked: 9}
	until := time.Now().Add(time.Hour)
	n, err := io.Copy(io.Discard, struct{ io.Reader }{&Body{r: f, conn: f, patience: 40 * time.Minute, until: until}})
	if n != 9*4<<10 || err != nil || len(f.deadlines) != 10 {
		t.Fatalf("%d %v %v", n, err, f.deadlines)
	}
	for k := range f.deadlines[1:] {
		// the time that reading took is nearly nothing here: within 16 KiB the deadline stays, with the next it moves on
		if moved := f.deadlines[k+1].Sub(f.deadlines[k]); moved < 0 || moved > time.Minute {
			t.Errorf("%d: %v", k, moved)
		}
	}
	p := &Body{r: f, conn: f, patience: 2 * time.Hour, until: until}
	if _, err := p.Read(make([]byte, 10)); !errors.Is(err, io.EOF) || !f.deadlines[len(f.deadlines)-1].Equal(until) {
		t.Errorf("%v %v", err, f.deadlines)
	}
}
