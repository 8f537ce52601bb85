package sdk

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The tags of the binary form; see Values.AppendBinary.
const (
	binaryVersion = 0x01

	tagNil      = 0x00
	tagFalse    = 0x01
	tagTrue     = 0x02
	tagString   = 0x03
	tagNumber   = 0x04
	tagList     = 0x05
	tagMap      = 0x06
	tagArtifact = 0x07
)

// MaxDepth is how deep values may nest, the outermost map counted as 1.
const MaxDepth = 128

// keepWhole is the size up to which decoded strings share one copy of the input.
const keepWhole = 64 << 10

// AppendBinary appends the compact form that crosses the borders of WASM and gRPC, tag, length, value:
//
//	values   = 0x01 (version) value        the value is a map, or nil for nil Values
//	value    = 0x00                        nil
//	         | 0x01                        false
//	         | 0x02                        true
//	         | 0x03 text                   string
//	         | 0x04 text                   number, as a JSON number's text: exact
//	         | 0x05 count value…           list
//	         | 0x06 count (text value)…    map, keys in ascending byte order, none twice
//	         | 0x07 text text size text text   artifact: digest, media type, size, name, path
//	text     = length byte…                UTF-8; length in bytes
//	length, count = unsigned LEB128        as binary.AppendUvarint writes it
//	size     = signed zigzag LEB128        as binary.AppendVarint writes it
//
// Equal values have equal bytes. The path is empty unless withPaths: paths are for a host and its own executors.
// Beside the types that Values holds, Go's int, int64, uint64, float64, []string and nested Values are taken.
// Anything else, text that is not UTF-8, a number that is not JSON's and nesting over MaxDepth are errors.
func (v Values) AppendBinary(dst []byte, withPaths bool) ([]byte, error) {
	e := encoder{buf: append(dst, binaryVersion), paths: withPaths}
	if v == nil {
		return append(e.buf, tagNil), nil
	}
	if err := e.mapping(v, 1); err != nil {
		return nil, err
	}
	return e.buf, nil
}

type encoder struct {
	buf   []byte
	paths bool
}

func (e *encoder) text(tag byte, s string) error {
	if !utf8.ValidString(s) {
		return errors.New("text is not UTF-8")
	}
	if tag != tagNil {
		e.buf = append(e.buf, tag)
	}
	if len(s) < 0x80 {
		e.buf = append(e.buf, byte(len(s)))
	} else {
		e.buf = binary.AppendUvarint(e.buf, uint64(len(s)))
	}
	e.buf = append(e.buf, s...)
	return nil
}

func (e *encoder) mapping(m map[string]any, depth int) error {
	if depth > MaxDepth {
		return errors.New("nested deeper than " + strconv.Itoa(MaxDepth))
	}
	e.buf = binary.AppendUvarint(append(e.buf, tagMap), uint64(len(m)))
	var few [16]string // room for the keys of most maps, without an allocation
	keys := few[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		if err := e.text(tagNil, k); err != nil {
			return at(strconv.Quote(k), err)
		}
		if err := e.value(m[k], depth); err != nil {
			return at(k, err)
		}
	}
	return nil
}

// value writes one value; a big switch over the kinds there are.
func (e *encoder) value(x any, depth int) error {
	switch x := x.(type) {
	case nil:
		e.buf = append(e.buf, tagNil)
	case bool:
		if x {
			e.buf = append(e.buf, tagTrue)
		} else {
			e.buf = append(e.buf, tagFalse)
		}
	case string:
		return e.text(tagString, x)
	case json.Number:
		if !isNumber(string(x)) {
			return errors.New(strconv.Quote(string(x)) + " is not a number")
		}
		return e.text(tagNumber, string(x))
	case []any:
		return e.list(x, depth+1)
	case map[string]any:
		return e.mapping(x, depth+1)
	case Values:
		return e.mapping(x, depth+1)
	case Artifact:
		return e.artifact(x)
	case int:
		return e.text(tagNumber, strconv.Itoa(x))
	case int64:
		return e.text(tagNumber, strconv.FormatInt(x, 10))
	case uint64:
		return e.text(tagNumber, strconv.FormatUint(x, 10))
	case float64:
		n, err := floatNumber(x)
		if err != nil {
			return err
		}
		return e.text(tagNumber, string(n))
	case []string:
		list := make([]any, len(x))
		for i, s := range x {
			list[i] = s
		}
		return e.list(list, depth+1)
	default:
		return errors.New("a value must be nil, bool, string, json.Number, []any, map[string]any or sdk.Artifact")
	}
	return nil
}

func (e *encoder) list(x []any, depth int) error {
	if depth > MaxDepth {
		return errors.New("nested deeper than " + strconv.Itoa(MaxDepth))
	}
	e.buf = binary.AppendUvarint(append(e.buf, tagList), uint64(len(x)))
	for i := range x {
		if err := e.value(x[i], depth); err != nil {
			return at("["+strconv.Itoa(i)+"]", err)
		}
	}
	return nil
}

func (e *encoder) artifact(a Artifact) error {
	path := ""
	if e.paths {
		path = a.Path
	}
	if err := e.text(tagArtifact, a.Digest); err != nil {
		return err
	}
	if err := e.text(tagNil, a.MediaType); err != nil {
		return err
	}
	e.buf = binary.AppendVarint(e.buf, a.Size)
	if err := e.text(tagNil, a.Name); err != nil {
		return err
	}
	return e.text(tagNil, path)
}

// DecodeBinary reads what AppendBinary wrote. It never panics, keeps nothing of data, and allocates at most a
// fixed multiple of len(data), whatever lengths data claims.
func DecodeBinary(data []byte) (Values, error) { return DecodeBinaryString(string(data)) }

// DecodeBinaryString is DecodeBinary for a string, of which the values may keep parts.
func DecodeBinaryString(data string) (Values, error) {
	d := decoder{s: data}
	if d.byte() != binaryVersion {
		return nil, errors.New("binary values: unknown version")
	}
	x := d.value(0)
	if d.failed == "" && d.pos != len(d.s) {
		d.fail("bytes after the end")
	}
	if d.failed != "" {
		return nil, errors.New("binary values: byte " + strconv.Itoa(d.where) + ": " + d.failed)
	}
	switch x := x.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return x, nil
	}
	return nil, errors.New("binary values: want a map")
}

// decoder reads s from pos; after the first failure it reads zeros.
type decoder struct {
	s      string
	pos    int
	failed string // why; empty while all is well
	where  int    // the byte at which it failed
}

func (d *decoder) fail(why string) {
	if d.failed == "" {
		d.failed, d.where = why, d.pos
		d.pos = len(d.s)
	}
}

// byte reads one byte; past the end, and after a failure, which moves pos there, it reads 0.
func (d *decoder) byte() byte {
	if d.pos >= len(d.s) {
		d.fail("cut off")
		return 0
	}
	d.pos++
	return d.s[d.pos-1]
}

func (d *decoder) uvarint() uint64 {
	if d.pos < len(d.s) && d.s[d.pos] < 0x80 { // nearly always
		d.pos++
		return uint64(d.s[d.pos-1])
	}
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b := d.byte()
		if shift == 63 && b > 1 {
			break
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 {
				break // one spelling per length
			}
			return n
		}
	}
	d.fail("bad length")
	return 0
}

// count reads a length of things that take at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64((len(d.s)-d.pos)/size) {
		d.fail("length beyond the end")
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count(1)
	s := d.s[d.pos : d.pos+n]
	d.pos += n
	if !utf8.ValidString(s) {
		d.fail("text is not UTF-8")
	}
	if len(d.s) > keepWhole {
		return strings.Clone(s)
	}
	return s
}

func (d *decoder) value(depth int) any {
	switch d.byte() {
	case tagNil:
		return nil
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagString:
		return d.text()
	case tagNumber:
		s := d.text()
		if d.failed == "" && !isNumber(s) {
			d.fail("not a number")
		}
		return json.Number(s)
	case tagList:
		return d.list(depth + 1)
	case tagMap:
		return d.mapping(depth + 1)
	case tagArtifact:
		a := Artifact{Digest: d.text(), MediaType: d.text()}
		n := d.uvarint()
		a.Size = int64(n>>1) ^ -int64(n&1)
		a.Name, a.Path = d.text(), d.text()
		return a
	}
	d.fail("unknown tag")
	return nil
}

func (d *decoder) list(depth int) any {
	if depth > MaxDepth {
		d.fail("nested too deep")
	}
	n := d.count(1)
	out := make([]any, 0, min(n, 1024))
	for ; n > 0 && d.failed == ""; n-- {
		out = append(out, d.value(depth))
	}
	return out
}

func (d *decoder) mapping(depth int) any {
	if depth > MaxDepth {
		d.fail("nested too deep")
	}
	n := d.count(2)
	out := make(map[string]any, min(n, 1024))
	last := ""
	for i := 0; i < n && d.failed == ""; i++ {
		k := d.text()
		if i > 0 && k <= last {
			d.fail("keys out of order")
		}
		out[k], last = d.value(depth), k
	}
	return out
}

// at puts where an error arose before its message: a.b[2]: why.
func at(where string, err error) error {
	var p *pathError
	if errors.As(err, &p) {
		sep := "."
		if strings.HasPrefix(p.path, "[") {
			sep = ""
		}
		return &pathError{where + sep + p.path, p.message}
	}
	return &pathError{where, err.Error()}
}

type pathError struct{ path, message string }

func (e *pathError) Error() string { return e.path + ": " + e.message }

func floatNumber(f float64) (json.Number, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "", errors.New(strconv.FormatFloat(f, 'g', -1, 64) + " is not a number that can be passed on")
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64)), nil
}
