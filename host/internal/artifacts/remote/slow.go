package remote

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// pace is how many bytes have to come within Idle, unless they are the last ones.
const pace = 16 << 10

// patient cuts off a body that hardly moves: its agent may be gone, and another waits. Only time spent waiting for it
// counts, not what the disk takes.
type patient struct {
	r    io.Reader
	c    *http.ResponseController
	idle time.Duration
	left time.Duration // until the next due bytes have to be here
	due  int
}

func (h *handler) patient(w http.ResponseWriter, body io.Reader) io.Reader {
	return &patient{r: body, c: http.NewResponseController(w), idle: h.Idle}
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if p.due <= 0 {
		p.left, p.due = p.idle, pace
	}
	began := time.Now()
	_ = p.c.SetReadDeadline(began.Add(p.left)) // where the server cannot, its own timeouts count
	n, err := p.r.Read(b)
	p.left -= time.Since(began)
	p.due -= n
	if errors.Is(err, io.EOF) { // after another error it stays, or the server would wait for the rest of the body
		_ = p.c.SetReadDeadline(time.Time{})
	}
	return n, err
}

// tooSlow tells one that was cut off where it continues.
func (h *handler) tooSlow(w http.ResponseWriter, p *partial, size int64) {
	w.Header().Set(offsetHeader, strconv.FormatInt(p.size, 10))
	w.Header().Set("Connection", "close")
	http.Error(w, fmt.Sprintf("artifact %s: the upload is too slow, less than %s came in %v: continue it at %d of %d bytes", p.digest, mib(pace), h.Idle, p.size, size), http.StatusRequestTimeout)
}

func isLate(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// outgoing is an answer that ends when nobody reads it: each block of it has to go within idle.
type outgoing struct {
	http.ResponseWriter
	idle time.Duration
}

// Unwrap is for http.ResponseController.
func (o *outgoing) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *outgoing) extend() {
	_ = http.NewResponseController(o.ResponseWriter).SetWriteDeadline(time.Now().Add(o.idle))
}

// Write implements http.ResponseWriter.
func (o *outgoing) Write(b []byte) (int, error) {
	o.extend()
	return o.ResponseWriter.Write(b)
}

// ReadFrom implements io.ReaderFrom, which lets the kernel copy a file, block by block.
func (o *outgoing) ReadFrom(r io.Reader) (int64, error) {
	whole, ok := r.(*io.LimitedReader)
	if !ok {
		return io.Copy(onlyWriter{o}, r)
	}
	var sent int64
	for whole.N > 0 {
		o.extend()
		n, err := io.Copy(o.ResponseWriter, &io.LimitedReader{R: whole.R, N: min(whole.N, block)})
		sent, whole.N = sent+n, whole.N-n
		if err != nil || n == 0 {
			return sent, err
		}
	}
	return sent, nil
}
