package protocol_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
)

func TestStream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := protocol.NewStream(io.NopCloser(strings.NewReader("content-length: 2\r\nContent-Type: x\r\n\r\n{}Content-Length: 0\n\n")), &out)
	for _, want := range []string{"{}", ""} {
		got, err := s.Recv()
		if err != nil || string(got) != want {
			t.Fatalf("%q, %v", got, err)
		}
		if err := s.Send(got); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if out.String() != "Content-Length: 2\r\n\r\n{}Content-Length: 0\r\n\r\n" {
		t.Errorf("%q", out.String())
	}
}

func TestBrokenFrames(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"\r\n", "GET / HTTP/1.1\r\n\r\n", "Content-Length: x\r\n\r\n", "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999999999999\r\n\r\n",
		"Content-Length: 999999999\r\n\r\n", "a: " + strings.Repeat("b", 100<<10), strings.Repeat("a: b\r\n", 10<<10),
	} {
		var broken *protocol.FrameError
		_, err := protocol.NewStream(io.NopCloser(strings.NewReader(src)), io.Discard).Recv()
		if !errors.As(err, &broken) {
			t.Errorf("%.40q: %v", src, err)
		}
	}
	for _, src := range []string{"Content-Length: 5\r\n\r\nab", "Content-Len", "Content-Length: 5\r\n"} {
		if _, err := protocol.NewStream(io.NopCloser(strings.NewReader(src)), io.Discard).Recv(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func TestURIs(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/films/a b.hcl", "/films/é#1%.hcl"} {
		if got, ok := protocol.Path(protocol.URI(path)); !ok || got != path {
			t.Errorf("%s became %s", path, got)
		}
	}
	for uri, want := range map[string]string{"file:///films/a%20b.hcl": "/films/a b.hcl", "file://localhost/x": "/x", "untitled:x": "", "file://host/x": "", "::": ""} {
		if got, ok := protocol.Path(uri); got != want || ok != (want != "") {
			t.Errorf("%s is %q", uri, got)
		}
	}
}
