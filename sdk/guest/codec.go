package guest

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const abiVersion = 1

// AppendTask appends what a guest is told of a task:
//
//	task    = 0x01 (version) text text text text address i64 i64 u64 values
//	text    = length byte…                    length unsigned LEB128
//	i64, u64                                  8 bytes, little endian
//	address = text count segment… segment number count number… text
//	segment = text text text number           number and count unsigned LEB128
//
// The texts of a task are the type, the owner, the pipeline and the checkpoint; its numbers the time and the deadline
// in nanoseconds since 1970 (the least i64: none) and the seed; values are sdk.Values.AppendBinary's with local
// paths, up to the end. An address is the run, the modules, the node, the attempt, its calls and the artifact's
// name; a segment the kind, the name, the key as in sdk.Key.String and the iteration.
func AppendTask(dst []byte, t *sdk.Task) ([]byte, error) {
	dst = append(dst, abiVersion)
	dst = appendText(dst, t.Type)
	dst = appendText(dst, t.Owner)
	dst = appendText(dst, t.Pipeline)
	dst = appendText(dst, string(t.Checkpoint))
	dst = appendAddress(dst, t.Address)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(nanos(t.Time)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(nanos(t.Deadline)))
	dst = binary.LittleEndian.AppendUint64(dst, t.Seed)
	return t.Inputs.AppendBinary(dst, true)
}

func appendAddress(dst []byte, a sdk.Address) []byte {
	dst = appendText(dst, a.Run)
	dst = binary.AppendUvarint(dst, uint64(len(a.Modules)))
	for _, m := range a.Modules {
		dst = appendSegment(dst, m)
	}
	dst = appendSegment(dst, a.Node)
	dst = binary.AppendUvarint(dst, uint64(a.Attempt))
	dst = binary.AppendUvarint(dst, uint64(len(a.Calls)))
	for _, c := range a.Calls {
		dst = binary.AppendUvarint(dst, uint64(c))
	}
	return appendText(dst, a.Name)
}

func appendSegment(dst []byte, s sdk.Step) []byte {
	dst = appendText(appendText(dst, s.Kind), s.Name)
	return binary.AppendUvarint(appendText(dst, s.Key.String()), uint64(s.Iter))
}

// DecodeTask reads what AppendTask wrote. It keeps nothing of data.
func DecodeTask(data []byte) (t sdk.Task, err error) {
	r := reader{data: string(data)} // one copy that every text is a part of
	if r.byte() != abiVersion {
		return t, errors.New("task: unknown version of the ABI")
	}
	t.Type, t.Owner, t.Pipeline = r.text(), r.text(), r.text()
	if c := r.text(); c != "" {
		t.Checkpoint = []byte(c)
	}
	t.Address = r.address()
	t.Time, t.Deadline, t.Seed = at(r.fixed()), at(r.fixed()), r.fixed()
	if r.failed {
		return t, errors.New("task: cut off")
	}
	t.Inputs, err = sdk.DecodeBinaryString(r.data)
	return t, err
}

// Outcome is how a task ended in a guest.
type Outcome struct {
	Outputs sdk.Values
	// Err is set instead of Outputs when the task failed.
	Err *sdk.Error
	// Broken: the guest's state can no longer be trusted, as after a panic.
	Broken bool
}

// The first byte after the version of an outcome.
const (
	outcomeDone   = 0
	outcomeFailed = 1
	outcomeBroken = 2
)

// AppendOutcome appends how a task ended:
//
//	outcome = 0x01 (version) 0x00 values
//	        | 0x01 (version) (0x01 failed | 0x02 broken) text text text text permanent
//
// The texts are cause, message, hint and detail; permanent is 0 or 1; text and values as in AppendTask. Output
// artifacts keep their paths. Outputs that cannot be written are a failure.
func AppendOutcome(dst []byte, o Outcome) []byte {
	if o.Err == nil {
		done, err := o.Outputs.AppendBinary(append(dst, abiVersion, outcomeDone), true)
		if err == nil {
			return done
		}
		o.Err = sdk.Refuse("output "+err.Error(), "this is a mistake in the node's code")
	}
	kind := byte(outcomeFailed)
	if o.Broken {
		kind = outcomeBroken
	}
	dst = append(dst, abiVersion, kind)
	dst = appendText(dst, string(o.Err.Cause))
	dst = appendText(dst, o.Err.Message)
	dst = appendText(dst, o.Err.Hint)
	dst = appendText(dst, o.Err.Detail)
	if o.Err.Permanent {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// DecodeOutcome reads what AppendOutcome wrote. It keeps nothing of data.
func DecodeOutcome(data []byte) (o Outcome, err error) {
	if len(data) >= 2 && data[0] == abiVersion && data[1] == outcomeDone {
		o.Outputs, err = sdk.DecodeBinary(data[2:])
		return o, err
	}
	r := reader{data: string(data)}
	if r.byte() != abiVersion {
		return o, errors.New("outcome: unknown version of the ABI")
	}
	kind := r.byte()
	o.Err = &sdk.Error{Cause: sdk.Cause(r.text()), Message: r.text(), Hint: r.text(), Detail: r.text()}
	o.Err.Permanent = r.byte() == 1
	o.Broken = kind == outcomeBroken
	if r.failed || kind != outcomeFailed && kind != outcomeBroken {
		return Outcome{}, errors.New("outcome: cut off, or of an unknown kind")
	}
	return o, nil
}

const noTime = -1 << 63

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return noTime
	}
	switch y := t.Year(); { // UnixNano is undefined so far from now
	case y < 1678:
		return noTime + 1
	case y > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

func at(n uint64) time.Time {
	if int64(n) == noTime {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC()
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// reader takes fields off data; after the first that is cut off it gives zeros.
type reader struct {
	data   string
	failed bool
}

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.data)) {
		r.data, r.failed = "", true
		return ""
	}
	s := r.data[:n]
	r.data = r.data[n:]
	return s
}

func (r *reader) byte() byte {
	if s := r.take(1); s != "" {
		return s[0]
	}
	return 0
}

func (r *reader) number() uint64 {
	var n uint64
	for shift := 0; shift < 63; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.failed = true
	return 0
}

func (r *reader) text() string { return r.take(r.number()) }

func (r *reader) fixed() uint64 {
	s := r.take(8)
	if s == "" {
		return 0
	}
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func (r *reader) address() (a sdk.Address) {
	a.Run = r.text()
	for n := r.number(); n > 0 && !r.failed; n-- {
		a.Modules = append(a.Modules, r.segment())
	}
	a.Node = r.segment()
	a.Attempt = int(r.number())
	for n := r.number(); n > 0 && !r.failed; n-- {
		a.Calls = append(a.Calls, int(r.number()))
	}
	a.Name = r.text()
	return a
}

func (r *reader) segment() (s sdk.Step) {
	s.Kind, s.Name = r.text(), r.text()
	if key := r.text(); key != "" && s.Key.UnmarshalText([]byte(key)) != nil {
		r.failed = true
	}
	s.Iter = int(r.number())
	return s
}
