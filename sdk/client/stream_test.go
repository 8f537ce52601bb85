package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// events gives a server of the stream that text is.
func events(t *testing.T, text string) *Client {
	t.Helper()
	return answer(t, 200, "text/event-stream", text)
}

// collect keeps what Watch hands on, as text.
func collect(into *[]string) func(Frame) error {
	return func(f Frame) error {
		switch {
		case f.Event != nil && f.Report == nil:
			*into = append(*into, fmt.Sprintf("%d %s", f.Event.Seq, f.Event.Data))
		case f.Report != nil && f.Event == nil:
			*into = append(*into, fmt.Sprintf("%s %s %v", f.Report.Kind, f.Report.Address, f.Report.Fraction))
		default:
			*into = append(*into, fmt.Sprintf("%+v", f))
		}
		return nil
	}
}

const end = "event: end\ndata: {}\n\n"

func TestWatch(t *testing.T) {
	t.Parallel()
	report := `{"time": "2026-01-02T03:04:05Z", "address": "run_1/node.a/1", "kind": "progress", "fraction": 0.5}`
	for name, c := range map[string]struct {
		stream string
		want   []string
		err    string
	}{
		"nothing":             {end, nil, ""},
		"events and a report": {"event: event\nid: 1\ndata: {\"a\":1}\n\nevent: report\ndata: " + report + "\n\nevent: event\nid: 2\ndata: {}\n\n" + end, []string{`1 {"a":1}`, "progress run_1/node.a/1 0.5", "2 {}"}, ""},
		"signs of life":       {": alive\n\n:\n\nevent: event\n: alive\nid: 1\ndata: x\n\n" + end, []string{"1 x"}, ""},
		"no spaces, CRLF":     {"event:event\r\nid:1\r\ndata:x\r\n\r\n" + end, []string{"1 x"}, ""},
		"data of two lines":   {"event: event\nid: 1\ndata: {\ndata: }\n\n" + end, []string{"1 {\n}"}, ""},
		"a later host's":      {"retry: 5\nevent: smell\ndata: x\n\ndata: y\n\nevent: event\nid: 1\ndata: x\n\n" + end, []string{"1 x"}, ""},
		"more after the end":  {end + "event: event\nid: 1\ndata: x\n\n", nil, ""},
		"breaks between":      {"event: event\nid: 1\ndata: x\n\n", []string{"1 x"}, "event stream: unexpected EOF"},
		"breaks within":       {"event: event\nid: 1\ndata: x\n", nil, "event stream: unexpected EOF"},
		"empty":               {"", nil, "event stream: unexpected EOF"},
		"no number":           {"event: event\nid: x\ndata: x\n\n", nil, `event stream: sequence number "x"`},
		"no report":           {"event: report\ndata: <\n\n", nil, "event stream: report: "},
		"the host's error":    {"event: error\ndata: {\"code\": \"unavailable\", \"detail\": \"it ends\"}\n\n", nil, "it ends"},
		"an unknown error":    {"event: error\ndata: <\n\n", nil, "event stream: the host ended it"},
		"too long":            {"data: " + strings.Repeat("x", maxFrame) + "\n\n" + end, nil, "event stream: bufio.Scanner: token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := events(t, c.stream).Watch(t.Context(), "x", 0, collect(&got))
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q", got)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWatchGivesProblems(t *testing.T) {
	t.Parallel()
	err := events(t, "event: error\ndata: {\"code\": \"not_found\", \"status\": 404}\n\n").Watch(t.Context(), "x", 0, nil)
	var p *Problem
	if !errors.As(err, &p) || p.Code != CodeNotFound || p.Status != 404 {
		t.Errorf("got %v", err)
	}
}

// TestPreview: an artifact in a report survives the way.
func TestPreview(t *testing.T) {
	t.Parallel()
	c := events(t, `event: report`+"\n"+`data: {"kind": "preview", "preview": {"$artifact": "sha256:1", "media_type": "image/png", "size": 3, "name": "a.png"}}`+"\n\n"+end)
	var got *sdk.Artifact
	err := c.Watch(t.Context(), "x", 0, func(f Frame) error { got = f.Report.Preview; return nil })
	if want := (sdk.Artifact{Digest: "sha256:1", MediaType: "image/png", Size: 3, Name: "a.png"}); err != nil || got == nil || *got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestWatchAgain: a stream that broke goes on after the last event, each of which comes once.
func TestWatchAgain(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "text/event-stream" || r.URL.Path != "/api/v1/runs/last/events" {
			t.Errorf("it asked %s for %q", r.URL, r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		after, err := strconv.Atoi(r.URL.Query().Get("after"))
		if err != nil {
			t.Error(err)
		}
		for n := after + 1; n <= after+2 && n <= 5; n++ {
			fmt.Fprintf(w, "event: event\nid: %d\ndata: {}\n\n", n)
		}
		if after >= 4 {
			io.WriteString(w, end)
			return
		}
		io.WriteString(w, "event: event\nid: 99\ndata: {") // and breaks off
	})
	var seen []uint64
	after, breaks := uint64(0), 0
	for {
		err := c.Watch(t.Context(), "last", after, func(f Frame) error {
			after = f.Event.Seq
			seen = append(seen, after)
			return nil
		})
		if err == nil {
			break
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		breaks++
	}
	if want := []uint64{1, 2, 3, 4, 5}; !reflect.DeepEqual(seen, want) || breaks != 2 {
		t.Errorf("got %v with %d breaks", seen, breaks)
	}
}

// TestWatchStops: the reader's own error ends the stream, and the host sees it go.
func TestWatchStops(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	stream := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "event: event\nid: 1\ndata: {}\n\nevent: event\nid: 2\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		gone <- struct{}{}
	}
	enough := errors.New("enough")
	calls := 0
	if err := serve(t, stream).Watch(t.Context(), "x", 0, func(Frame) error { calls++; return enough }); err != enough || calls != 1 { //nolint:errorlint // fn's error as it is
		t.Errorf("got %v after %d calls", err, calls)
	}
	<-gone
	ctx, cancel := context.WithCancel(t.Context())
	if err := serve(t, stream).Watch(ctx, "x", 0, func(Frame) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-gone
}
