package tracing

import (
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	otlp "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
)

// encode gives spans as one request of OTLP.
func encode(of map[string]string, version string, spans []trace.Span) ([]byte, error) {
	res := &resource.Resource{}
	for _, name := range sorted(of) {
		res.Attributes = append(res.Attributes, attr(trace.Attr{Key: name, Value: of[name]}))
	}
	scope := &otlp.ScopeSpans{Scope: &common.InstrumentationScope{Name: "github.com/myspinbot/spinbot", Version: version}, Spans: make([]*otlp.Span, len(spans))}
	for k := range spans {
		scope.Spans[k] = toSpan(&spans[k])
	}
	return proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: []*otlp.ResourceSpans{{Resource: res, ScopeSpans: []*otlp.ScopeSpans{scope}}}})
}

func toSpan(s *trace.Span) *otlp.Span {
	out := &otlp.Span{TraceId: s.Trace[:], SpanId: s.Span[:], Name: s.Name, Kind: otlp.Span_SpanKind(max(s.Kind, trace.Internal)), Flags: 1,
		StartTimeUnixNano: uint64(s.Start.UnixNano()), EndTimeUnixNano: uint64(s.End.UnixNano()), Attributes: attrs(s.Attrs), Status: &otlp.Status{}}
	if s.Parent != (trace.SpanID{}) {
		out.ParentSpanId = s.Parent[:]
	}
	if s.Failed != "" {
		out.Status = &otlp.Status{Code: otlp.Status_STATUS_CODE_ERROR, Message: s.Failed}
		out.Attributes = append(out.Attributes, attr(trace.Attr{Key: trace.KeyCause, Value: s.Failed}))
	}
	for _, m := range s.Marks {
		out.Events = append(out.Events, &otlp.Span_Event{TimeUnixNano: uint64(m.At.UnixNano()), Name: m.Name, Attributes: attrs(m.Attrs)})
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, &otlp.Span_Link{TraceId: l.Trace[:], SpanId: l.Span[:]})
	}
	return out
}

func attrs(list []trace.Attr) []*common.KeyValue {
	out := make([]*common.KeyValue, len(list))
	for k, a := range list {
		out[k] = attr(a)
	}
	return out
}

func attr(a trace.Attr) *common.KeyValue {
	v := &common.AnyValue{}
	switch x := a.Value.(type) {
	case string:
		v.Value = &common.AnyValue_StringValue{StringValue: x}
	case int64:
		v.Value = &common.AnyValue_IntValue{IntValue: x}
	case bool:
		v.Value = &common.AnyValue_BoolValue{BoolValue: x}
	case []string:
		list := &common.ArrayValue{}
		for _, s := range x {
			list.Values = append(list.Values, &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}})
		}
		v.Value = &common.AnyValue_ArrayValue{ArrayValue: list}
	}
	return &common.KeyValue{Key: a.Key, Value: v}
}

// rejected is how many spans of a request the collector did not take.
func rejected(answer []byte) int64 {
	var r collector.ExportTraceServiceResponse
	if proto.Unmarshal(answer, &r) != nil {
		return 0
	}
	return r.GetPartialSuccess().GetRejectedSpans()
}
