package guest

import (
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Request is an HTTP request that the host sends for a node whose type declares the grant "http".
type Request struct {
	// Method is upper case; empty means GET.
	Method string
	// URL is absolute, http or https, without a user in it.
	URL    string
	Header []Field
	// Secrets are put into the header by the host: the guest never has their values. The node type has to declare the
	// grant "secret" too.
	Secrets []Secret
	Body    []byte
	// Timeout is for the request with its redirects, when shorter than the grant's; 0: the grant's.
	Timeout time.Duration
}

// Field is one line of a header.
type Field struct{ Name, Value string }

// Secret says where the host puts a secret: into the header field Header, after Prefix. With User set the value is
// that of Basic authentication, with the secret as the password, and Prefix is not used.
type Secret struct {
	Header, Prefix, User string
	// Name of the secret, as in spinbot secrets set NAME.
	Name string
}

// Bearer is the secret as most services want it: "Authorization: Bearer …".
func Bearer(name string) Secret {
	return Secret{Header: "Authorization", Prefix: "Bearer ", Name: name}
}

// Response is what came back, after at most five redirects. Secrets that it repeats are masked.
type Response struct {
	Status int
	// URL is where it came from in the end.
	URL    string
	Header []Field
	Body   []byte
}

// Field gives the first value of a field, whatever the case of its name; empty when there is none.
func (r Response) Field(name string) string {
	for _, f := range r.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// HTTP lets the host send a request, and waits for the response. Any status is a response; an error, a *Error, says
// that there was none. The time that it takes counts neither for the guest's clock nor against its deadline of
// computing, but against the task's.
func HTTP(r Request) (Response, error) {
	payload, err := askHTTP(AppendRequest(nil, r))
	if err != nil {
		return Response{}, err
	}
	return DecodeResponse(payload)
}

// KV is a small store of the node: what one task of a pipeline keeps, later ones find, in other runs too, and after a
// restart. Each owner, pipeline and node has its own; instances of a for_each share it. The node type has to declare the
// grant "kv". Keys have up to MaxKey bytes, values up to MaxValue. Its zero value is ready for use.
type KV struct{}

// Bounds of keys and values in bytes.
const (
	MaxKey   = 256
	MaxValue = 64 << 10
)

// Get gives a value; ok is false when there is none.
func (KV) Get(key string) (value []byte, ok bool, err error) {
	payload, err := askKV(AppendKV(nil, KVRequest{Op: KVGet, Key: key}))
	if err != nil || len(payload) == 0 || payload[0] == 0 {
		return nil, false, err
	}
	return payload[1:], true, nil
}

// Set keeps a value.
func (KV) Set(key string, value []byte) error {
	_, err := askKV(AppendKV(nil, KVRequest{Op: KVSet, Key: key, New: value, HasNew: true}))
	return err
}

// Delete forgets a value; one that is not there is no error.
func (KV) Delete(key string) error {
	_, err := askKV(AppendKV(nil, KVRequest{Op: KVSet, Key: key}))
	return err
}

// Swap keeps a new value if the old one is still there; nil stands for no value. When another task was faster it
// changes nothing and gives false.
func (KV) Swap(key string, old, new []byte) (swapped bool, err error) {
	payload, err := askKV(AppendKV(nil, KVRequest{Op: KVSwap, Key: key, Old: old, HasOld: old != nil, New: new, HasNew: new != nil}))
	return err == nil && len(payload) == 1 && payload[0] == 1, err
}

// Add adds to a number, which is 0 at first, and gives the sum. The value is the number in decimal.
func (KV) Add(key string, delta int64) (int64, error) {
	payload, err := askKV(AppendKV(nil, KVRequest{Op: KVAdd, Key: key, Delta: delta}))
	if err != nil {
		return 0, err
	}
	r := reader{data: string(payload)}
	return int64(r.fixed()), nil
}

// List gives the keys that begin with prefix, sorted.
func (KV) List(prefix string) ([]string, error) {
	payload, err := askKV(AppendKV(nil, KVRequest{Op: KVList, Key: prefix}))
	if err != nil {
		return nil, err
	}
	r := reader{data: string(payload)}
	var keys []string
	for n := r.number(); n > 0 && !r.failed; n-- {
		keys = append(keys, r.text())
	}
	return keys, nil
}

// Status says how the host answered what a guest asked for.
type Status byte

// The answers of the host.
const (
	StatusDone        Status = 0
	StatusRefused     Status = 1 // not asked for, not granted, or beyond what was granted
	StatusInvalid     Status = 2 // nothing that could be done
	StatusTooBig      Status = 3 // request, response or value
	StatusTimeout     Status = 4
	StatusUnreachable Status = 5 // no such host, or nobody answers there
	StatusFull        Status = 6 // the store holds as much as it may
	StatusBroken      Status = 7 // the host itself could not
)

// Error says why the host did not do what was asked for. A node may return it as it is: it is an *sdk.Error to the
// host, permanent unless another attempt could help.
type Error struct {
	Status        Status
	Message, Hint string
}

// Error gives the message and the hint.
func (e *Error) Error() string { return e.asTaskError().Error() }

// Unwrap gives the error as that of a task.
func (e *Error) Unwrap() error { return e.asTaskError() }

func (e *Error) asTaskError() *sdk.Error {
	t := sdk.Fail(e.Message, e.Hint)
	switch e.Status {
	case StatusTimeout, StatusUnreachable, StatusFull, StatusBroken:
	default:
		t.Permanent = true
	}
	if t.Message == "" {
		t.Message = "the host answered with status " + strconv.Itoa(int(e.Status))
	}
	return t
}
