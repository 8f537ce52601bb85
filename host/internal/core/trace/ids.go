// Package trace says what of a run stands in a trace: the ids, which follow from the run's, and the spans, which follow from
// its events. A host that begins again, and an agent on another machine, so go on with the same trace, and nothing of it is
// stored. It exports nothing, and puts no value of a run into a span: names, states, times and causes only.
package trace

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

type (
	// ID is the id of a trace. All zeros are none.
	ID [16]byte
	// SpanID is the id of a span in a trace. All zeros are none.
	SpanID [8]byte
)

// String gives 32 hexadecimal digits.
func (t ID) String() string { return hex.EncodeToString(t[:]) }

// String gives 16 hexadecimal digits.
func (s SpanID) String() string { return hex.EncodeToString(s[:]) }

// Of gives the trace of a run.
func Of(id run.ID) (t ID) {
	sum := sha256.Sum256([]byte("spinbot trace " + string(id)))
	copy(t[:], sum[:])
	return t
}

// SpanOf gives the span of an address: a run, or an attempt.
func SpanOf(address string) (s SpanID) {
	sum := sha256.Sum256([]byte("spinbot span " + address))
	copy(s[:], sum[:])
	return s
}

// Sampled says whether the trace is among so large a part of all, from 0 to 1. Every host and agent says the same of it.
func Sampled(t ID, part float64) bool {
	return part >= 1 || part > 0 && binary.BigEndian.Uint64(t[8:])>>1 < uint64(part*(1<<63))
}

// Context is a span as others are told of it who go on with its trace.
type Context struct {
	Trace   ID
	Span    SpanID
	Sampled bool
}

// String gives it as the header traceparent of W3C Trace Context has it.
func (c Context) String() string {
	flags := "-00"
	if c.Sampled {
		flags = "-01"
	}
	return "00-" + c.Trace.String() + "-" + c.Span.String() + flags
}

// Parse reads a traceparent. Of a later version it reads what this one has.
func Parse(s string) (c Context, ok bool) {
	part := strings.Split(s, "-")
	if len(part) < 4 || len(part[0]) != 2 || part[0] == "ff" || part[0] == "00" && len(part) != 4 {
		return Context{}, false
	}
	var version, flags [1]byte
	for k, into := range [][]byte{version[:], c.Trace[:], c.Span[:], flags[:]} {
		if len(part[k]) != 2*len(into) || strings.ToLower(part[k]) != part[k] {
			return Context{}, false
		}
		if _, err := hex.Decode(into, []byte(part[k])); err != nil {
			return Context{}, false
		}
	}
	c.Sampled = flags[0]&1 == 1
	return c, c.Trace != ID{} && c.Span != SpanID{}
}
