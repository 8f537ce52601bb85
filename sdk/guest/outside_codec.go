package guest

import (
	"encoding/binary"
	"errors"
	"time"
)

// AppendRequest appends an HTTP request as the host function http takes it:
//
//	request = 0x01 (version) text text number fields secrets byte…
//	fields  = count (text text)…              name, value
//	secrets = count (text text text text)…    header, prefix, user, name of the secret
//
// The texts are the method and the URL, the number the timeout in milliseconds, 0 for none; the body goes up to the end.
// text, number and count are as in AppendTask.
func AppendRequest(dst []byte, r Request) []byte {
	dst = append(dst, abiVersion)
	dst = appendText(appendText(dst, r.Method), r.URL)
	dst = binary.AppendUvarint(dst, uint64(max(0, (r.Timeout+time.Millisecond-1)/time.Millisecond)))
	dst = appendFields(dst, r.Header)
	dst = binary.AppendUvarint(dst, uint64(len(r.Secrets)))
	for _, s := range r.Secrets {
		dst = appendText(appendText(appendText(appendText(dst, s.Header), s.Prefix), s.User), s.Name)
	}
	return append(dst, r.Body...)
}

func appendFields(dst []byte, fields []Field) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(fields)))
	for _, f := range fields {
		dst = appendText(appendText(dst, f.Name), f.Value)
	}
	return dst
}

// maxTimeout keeps milliseconds from overflowing a time.Duration.
const maxTimeout = 1 << 40

// DecodeRequest reads what AppendRequest wrote. It keeps nothing of data.
func DecodeRequest(data []byte) (Request, error) {
	r := reader{data: string(data)}
	if r.byte() != abiVersion {
		return Request{}, errors.New("request: unknown version of the ABI")
	}
	q := Request{Method: r.text(), URL: r.text(), Timeout: time.Duration(min(r.number(), maxTimeout)) * time.Millisecond}
	q.Header = r.fields()
	for n := r.number(); n > 0 && !r.failed; n-- {
		q.Secrets = append(q.Secrets, Secret{Header: r.text(), Prefix: r.text(), User: r.text(), Name: r.text()})
	}
	if r.failed {
		return Request{}, errors.New("request: cut off")
	}
	if r.data != "" {
		q.Body = []byte(r.data)
	}
	return q, nil
}

func (r *reader) fields() (out []Field) {
	for n := r.number(); n > 0 && !r.failed; n-- {
		out = append(out, Field{r.text(), r.text()})
	}
	return out
}

// AppendResponse appends the payload of http's answer:
//
//	response = number text fields byte…       status, URL, header, and the body up to the end
func AppendResponse(dst []byte, r Response) []byte {
	dst = appendText(binary.AppendUvarint(dst, uint64(r.Status)), r.URL)
	return append(appendFields(dst, r.Header), r.Body...)
}

// DecodeResponse reads what AppendResponse wrote. It keeps nothing of data.
func DecodeResponse(data []byte) (Response, error) {
	r := reader{data: string(data)}
	p := Response{Status: int(r.number()), URL: r.text(), Header: r.fields()}
	if r.failed {
		return Response{}, errors.New("response: cut off")
	}
	p.Body = []byte(r.data)
	return p, nil
}

// KVOp is what the host function kv is to do.
type KVOp byte

// The operations of the host function kv.
const (
	KVGet  KVOp = 1
	KVSet  KVOp = 2 // without a new value: delete
	KVSwap KVOp = 3
	KVAdd  KVOp = 4
	KVList KVOp = 5
)

// KVRequest is a request of the host function kv. Old and New count when HasOld and HasNew are set.
type KVRequest struct {
	Op             KVOp
	Key            string // of KVList: what the keys begin with
	Old, New       []byte
	HasOld, HasNew bool
	Delta          int64
}

// AppendKV appends a request as the host function kv takes it:
//
//	kv = 0x01 (version) operation text some text some text i64
//
// The texts are the key, the old and the new value; some is 1 when the value after it is there, else 0; the i64, 8 bytes,
// little endian, is what KVAdd adds. The operations are 1 get, 2 set or delete, 3 swap, 4 add, 5 list. What does not
// belong to an operation is empty. The payload of the answer is
//
//	get   0x00, or 0x01 byte…    no value, or the value
//	set                          nothing
//	swap  0x00 | 0x01            whether it was swapped
//	add   i64                    the sum
//	list  count text…            the keys
func AppendKV(dst []byte, q KVRequest) []byte {
	dst = appendText(append(dst, abiVersion, byte(q.Op)), q.Key)
	dst = appendText(append(dst, flag(q.HasOld)), string(q.Old))
	dst = appendText(append(dst, flag(q.HasNew)), string(q.New))
	return binary.LittleEndian.AppendUint64(dst, uint64(q.Delta))
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// DecodeKV reads what AppendKV wrote. It keeps nothing of data.
func DecodeKV(data []byte) (KVRequest, error) {
	r := reader{data: string(data)}
	if r.byte() != abiVersion {
		return KVRequest{}, errors.New("kv: unknown version of the ABI")
	}
	q := KVRequest{Op: KVOp(r.byte()), Key: r.text()}
	q.HasOld, q.Old = r.byte() == 1, []byte(r.text())
	q.HasNew, q.New = r.byte() == 1, []byte(r.text())
	q.Delta = int64(r.fixed())
	if r.failed || q.Op < KVGet || q.Op > KVList {
		return KVRequest{}, errors.New("kv: cut off, or an unknown operation")
	}
	return q, nil
}

// AppendKeys appends the payload of kv's answer to KVList.
func AppendKeys(dst []byte, keys []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(keys)))
	for _, k := range keys {
		dst = appendText(dst, k)
	}
	return dst
}

// AppendAnswer appends what take gives of a host function's answer:
//
//	answer = 0x00 payload | status text text    the texts are message and hint
//
// The payload is done's when e is nil.
func AppendAnswer(dst, payload []byte, e *Error) []byte {
	if e == nil {
		return append(append(dst, byte(StatusDone)), payload...)
	}
	return appendText(appendText(append(dst, byte(e.Status)), e.Message), e.Hint)
}

// DecodeAnswer reads what AppendAnswer wrote; payload is a part of data, and err an *Error.
func DecodeAnswer(data []byte) (payload []byte, err error) {
	if len(data) > 0 && Status(data[0]) == StatusDone {
		return data[1:], nil
	}
	r := reader{data: string(data)}
	e := &Error{Status: Status(r.byte()), Message: r.text(), Hint: r.text()}
	if r.failed {
		e = &Error{Status: StatusBroken, Message: "the host's answer cannot be read", Hint: "build the module with the sdk of this host's version"}
	}
	return nil, e
}
