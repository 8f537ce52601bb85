// Package tracingtest is a collector for tests: it takes OTLP over HTTP, decodes it with OpenTelemetry's own types, and holds
// what it got.
package tracingtest

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that the receiver got.
type Span struct {
	Trace, ID, Parent string // hexadecimal; Parent is empty for none
	Name, Service     string
	Kind              int
	Start, End        time.Time
	Attrs             map[string]string
	Reasons           []string // of its events
	Links             []string // the spans, as TRACE-SPAN
	Failed            string
}

// Receiver is a collector. The zero value works. It is safe for concurrent use.
type Receiver struct {
	mu     sync.Mutex
	spans  map[string]Span // by id
	header http.Header     // of the last request
	wrong  error
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	raw, err := io.ReadAll(q.Body)
	var in collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &in)
	}
	if q.URL.Path != "/v1/traces" || q.Method != http.MethodPost || q.Header.Get("Content-Type") != "application/x-protobuf" {
		err = errors.Join(err, fmt.Errorf("%s %s of %s", q.Method, q.URL.Path, q.Header.Get("Content-Type")))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.header = q.Header
	if err == nil {
		err = r.take(&in)
	}
	if r.wrong = errors.Join(r.wrong, err); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
	_, _ = w.Write(answer)
}

func (r *Receiver) take(in *collector.ExportTraceServiceRequest) error {
	if r.spans == nil {
		r.spans = map[string]Span{}
	}
	for _, res := range in.ResourceSpans {
		service := attrs(res.Resource.GetAttributes())["service.name"]
		for _, scope := range res.ScopeSpans {
			for _, x := range scope.Spans {
				s := toSpan(x)
				s.Service = service
				if known, twice := r.spans[s.ID]; twice && !reflect.DeepEqual(plain(known), plain(s)) {
					return fmt.Errorf("span %s came twice, and differs:\n%+v\n%+v", s.ID, known, s)
				}
				r.spans[s.ID] = s
			}
		}
	}
	return nil
}

// plain leaves out why something waited, which a host that begins again does not know any more.
func plain(s Span) Span {
	s.Reasons = nil
	return s
}

func toSpan(x *otlp.Span) Span {
	s := Span{Trace: hex.EncodeToString(x.TraceId), ID: hex.EncodeToString(x.SpanId), Parent: hex.EncodeToString(x.ParentSpanId), Name: x.Name, Kind: int(x.Kind),
		Start: time.Unix(0, int64(x.StartTimeUnixNano)), End: time.Unix(0, int64(x.EndTimeUnixNano)), Attrs: attrs(x.Attributes)}
	if x.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
		s.Failed = x.Status.GetMessage()
	}
	for _, e := range x.Events {
		s.Reasons = append(s.Reasons, attrs(e.Attributes)["spinbot.reason"])
	}
	for _, l := range x.Links {
		s.Links = append(s.Links, hex.EncodeToString(l.TraceId)+"-"+hex.EncodeToString(l.SpanId))
	}
	return s
}

func attrs(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range list {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.Key] = fmt.Sprint(v.IntValue)
		default:
			out[a.Key] = fmt.Sprint(v)
		}
	}
	return out
}

// Spans gives what came, by time, and what was wrong with it.
func (r *Receiver) Spans() ([]Span, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Span
	for _, s := range r.spans {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Span) int {
		return cmp.Or(a.Start.Compare(b.Start), b.End.Compare(a.End), cmp.Compare(a.ID, b.ID))
	})
	return out, r.wrong
}

// Header is a header field of the last request.
func (r *Receiver) Header(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.header.Get(name)
}

// Tree draws the trace of a run as lines, children below their parents, but for those that say how long something waited. A
// span whose parent is not there stands at the end, as torn: that of a run comes when it has ended.
func Tree(spans []Span, run string) string {
	var of []Span
	known := map[string]bool{"": true}
	for _, s := range spans {
		if s.Attrs["spinbot.run"] == run {
			of = append(of, s)
			known[s.ID] = true
		}
	}
	var out strings.Builder
	var draw func(parent, indent string)
	draw = func(parent, indent string) {
		for _, s := range of {
			if s.Parent == parent && s.Name != "wait" {
				out.WriteString(indent + s.String() + "\n")
				draw(s.ID, indent+"  ")
			}
		}
	}
	draw("", "")
	for _, s := range of {
		if !known[s.Parent] && s.Name != "wait" {
			out.WriteString("torn: " + s.String() + "\n")
		}
		if s.Trace != of[0].Trace || s.End.Before(s.Start) {
			fmt.Fprintf(&out, "wrong: %+v\n", s)
		}
	}
	return out.String()
}

// String says what it is, without times and ids.
func (s Span) String() string {
	line := s.Name
	for _, key := range []string{"spinbot.state", "spinbot.attempt", "http.response.status_code"} {
		if v := s.Attrs[key]; v != "" && (key != "spinbot.attempt" || s.Name == "attempt") {
			line += " " + v
		}
	}
	if s.Failed != "" {
		line += " (" + s.Failed + ")"
	}
	return line
}
