package guest

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

func TestRequestCrosses(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]Request{
		"empty": {},
		"full": {
			Method: "POST", URL: "https://a.example/x?y=z", Header: []Field{{"A", "1"}, {"A", "2"}}, Body: []byte{0, 0xff},
			Secrets: []Secret{Bearer("openai"), {Header: "X-Key", Name: "other"}, {Header: "Authorization", User: "u", Name: "n"}}, Timeout: 1500 * time.Millisecond,
		},
	} {
		b := AppendRequest(nil, q)
		if got, err := DecodeRequest(b); err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		for i := range len(b) - len(q.Body) {
			if got, err := DecodeRequest(b[:i]); err == nil {
				t.Errorf("%d bytes of %s are %+v", i, name, got)
			}
		}
	}
	p := Response{Status: 418, URL: "https://b.example/", Header: []Field{{"Content-Type", "text/plain"}}, Body: []byte("short and stout")}
	if got, err := DecodeResponse(AppendResponse(nil, p)); err != nil || !reflect.DeepEqual(got, p) || got.Field("content-type") != "text/plain" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestKVCrosses(t *testing.T) {
	t.Parallel()
	for _, q := range []KVRequest{
		{Op: KVGet, Key: "k", Old: []byte{}, New: []byte{}},
		{Op: KVSwap, Key: "k", Old: []byte("a"), HasOld: true, New: []byte{}, HasNew: true},
		{Op: KVAdd, Key: "k", Old: []byte{}, New: []byte{}, Delta: -7},
	} {
		b := AppendKV(nil, q)
		if got, err := DecodeKV(b); err != nil || !reflect.DeepEqual(got, q) {
			t.Errorf("got %+v, %v, want %+v", got, err, q)
		}
		for i := range b {
			if got, err := DecodeKV(b[:i]); err == nil {
				t.Errorf("%d bytes are %+v", i, got)
			}
		}
	}
	if _, err := DecodeKV(AppendKV(nil, KVRequest{Op: 9})); err == nil {
		t.Error("an unknown operation is read")
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	if p, err := DecodeAnswer(AppendAnswer(nil, []byte("x"), nil)); err != nil || string(p) != "x" {
		t.Errorf("got %q, %v", p, err)
	}
	for status, permanent := range map[Status]bool{StatusRefused: true, StatusInvalid: true, StatusTooBig: true, StatusTimeout: false, StatusFull: false} {
		_, err := DecodeAnswer(AppendAnswer(nil, nil, &Error{Status: status, Message: "m", Hint: "h"}))
		var e *Error
		if !errors.As(err, &e) || e.Status != status || sdk.AsError(err).Permanent != permanent || sdk.AsError(err).Hint != "h" {
			t.Errorf("%d: got %#v", status, err)
		}
	}
	if _, err := DecodeAnswer(nil); err == nil {
		t.Error("nothing is an answer")
	}
}

// TestOutsideTheHost: a native build says plainly that there is no host.
func TestOutsideTheHost(t *testing.T) {
	t.Parallel()
	_, err := HTTP(Request{URL: "https://a.example"})
	_, kvErr := KV{}.Add("n", 1)
	for _, err := range []error{err, kvErr} {
		if err == nil || !strings.Contains(err.Error(), "only inside the host") {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzDecodeOutside(f *testing.F) {
	f.Add(AppendRequest(nil, Request{URL: "u", Secrets: []Secret{Bearer("x")}}))
	f.Add(AppendKV(nil, KVRequest{Op: KVAdd, Key: "k"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := DecodeRequest(b); err == nil {
			again, err := DecodeRequest(AppendRequest(nil, q))
			if err != nil || !reflect.DeepEqual(again, q) {
				t.Errorf("%+v becomes %+v, %v", q, again, err)
			}
		}
		_, _ = DecodeKV(b)
		_, _ = DecodeResponse(b)
		_, _ = DecodeAnswer(b)
	})
}
