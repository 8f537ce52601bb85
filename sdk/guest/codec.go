package guest

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const abiVersion = 1

// AppendTask appends what a guest is told of a task:
//
//	task  = 0x01 (version) text text text text text i64 i64 u64 values
//	text  = length byte…       length unsigned LEB128
//	i64, u64                   8 bytes, little endian
//
// The texts are the type, the address, the owner, the pipeline and the checkpoint; the numbers the time and the
// deadline in nanoseconds since 1970 (the least i64: none) and the seed; values are sdk.Values.AppendBinary's
// with local paths, up to the end.
func AppendTask(dst []byte, t *sdk.Task) ([]byte, error) {
	dst = append(dst, abiVersion)
	dst = appendText(dst, t.Type)
	dst = appendText(dst, t.Address.String())
	dst = appendText(dst, t.Owner)
	dst = appendText(dst, t.Pipeline)
	dst = appendText(dst, string(t.Checkpoint))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(nanos(t.Time)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(nanos(t.Deadline)))
	dst = binary.LittleEndian.AppendUint64(dst, t.Seed)
	return t.Inputs.AppendBinary(dst, true)
}

// DecodeTask reads what AppendTask wrote. It keeps nothing of data.
func DecodeTask(data []byte) (*sdk.Task, error) {
	r := reader{data}
	if r.byte() != abiVersion {
		return nil, errors.New("task: unknown version of the ABI")
	}
	t := &sdk.Task{Type: r.text()}
	address := r.text()
	t.Owner, t.Pipeline = r.text(), r.text()
	if c := r.text(); c != "" {
		t.Checkpoint = []byte(c)
	}
	t.Time, t.Deadline, t.Seed = at(r.fixed()), at(r.fixed()), r.fixed()
	if r.data == nil {
		return nil, errors.New("task: cut off")
	}
	var err error
	if address != "" {
		if t.Address, err = sdk.ParseAddress(address); err != nil {
			return nil, err
		}
	}
	t.Inputs, err = sdk.DecodeBinary(r.data)
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
	r := reader{data}
	if r.byte() != abiVersion {
		return o, errors.New("outcome: unknown version of the ABI")
	}
	switch kind := r.byte(); kind {
	case outcomeDone:
		o.Outputs, err = sdk.DecodeBinary(r.data)
		return o, err
	case outcomeFailed, outcomeBroken:
		o.Broken = kind == outcomeBroken
		o.Err = &sdk.Error{Cause: sdk.Cause(r.text()), Message: r.text(), Hint: r.text(), Detail: r.text()}
		o.Err.Permanent = r.byte() == 1
		if r.data == nil {
			return o, errors.New("outcome: cut off")
		}
		return o, nil
	}
	return o, errors.New("outcome: unknown kind")
}

const noTime = -1 << 63

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return noTime
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

// reader takes fields off data; data is nil after reading past the end.
type reader struct{ data []byte }

func (r *reader) take(n uint64) []byte {
	if r.data == nil || n > uint64(len(r.data)) {
		r.data = nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0xff
}

func (r *reader) text() string {
	n, size := binary.Uvarint(r.data)
	if size <= 0 {
		r.data = nil
		return ""
	}
	r.take(uint64(size))
	return string(r.take(n))
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
