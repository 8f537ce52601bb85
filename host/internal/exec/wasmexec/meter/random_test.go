package meter_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

// A builder writes a random module: valid by construction, with loops that end, and everything that the meter treats
// apart. Functions call only those before them, so that all calls end too.
type builder struct {
	rand  *rand.Rand
	b     []byte
	depth int // of blocks
	loops int // around
	self  int // the function's number
	size  int // instructions left
}

const (
	functions = 6
	locals    = 4 // of 32 bits; the last are loop counters
	counters  = 6
)

func randomModule(seed uint64) []byte {
	b := &builder{rand: rand.New(rand.NewPCG(seed, 1))}
	u := func(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
	section := func(id byte, entries ...[]byte) []byte {
		body := append(u(len(entries)), slices.Concat(entries...)...)
		return slices.Concat([]byte{id}, u(len(body)), body)
	}
	sized := func(body []byte) []byte { return append(u(len(body)), body...) }
	var types, codes, exports [][]byte
	for f := range functions {
		b.self, b.size, b.depth, b.loops, b.b = f, 30+b.rand.IntN(120), 0, 0, nil
		b.sequence()
		b.value()
		types = append(types, []byte{0})
		codes = append(codes, sized(slices.Concat([]byte{1}, u(locals-1+counters), []byte{0x7f}, b.b, []byte{0x0b})))
		exports = append(exports, slices.Concat([]byte{1, byte('a' + f), 0}, u(f)))
	}
	exports = append(exports, []byte{1, 'm', 2, 0}, []byte{1, 'g', 3, 0})
	elements := append(append([]byte{0, 0x41, 0, 0x0b}, u(3)...), 0, 1, 2)
	return slices.Concat(
		[]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{0x60, 1, 0x7f, 1, 0x7f}),
		section(3, types...),
		section(4, []byte{0x70, 1, 4, 8}),
		section(5, []byte{1, 10, 20}),
		section(6, []byte{0x7f, 1, 0x41, 5, 0x0b}, []byte{0x7e, 1, 0x42, 9, 0x0b}),
		section(7, exports...),
		section(9, elements, []byte{1, 0, 2, 1, 0}),
		[]byte{12, 1, 1},
		section(10, codes...),
		section(11, slices.Concat([]byte{1}, sized([]byte("some bytes")))),
	)
}

func (b *builder) op(bytes ...byte) { b.b = append(b.b, bytes...) }

func (b *builder) constant(v int32) {
	b.op(0x41)
	for {
		c := byte(v & 0x7f)
		if v >>= 7; v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			b.op(c)
			return
		}
		b.op(c | 0x80)
	}
}

func (b *builder) local() byte { return byte(b.rand.IntN(locals)) }

// value pushes an i32.
func (b *builder) value() {
	b.size--
	switch n := b.rand.IntN(12); {
	case n < 3 || b.size <= 0:
		b.op(0x20, b.local())
	case n < 5:
		b.constant(int32(b.rand.Uint32() >> b.rand.IntN(32)))
	case n < 8:
		b.value()
		b.value()
		b.op([]byte{0x6a, 0x6b, 0x6c, 0x71, 0x72, 0x73, 0x74, 0x46, 0x49, 0x6e /* div_u: may trap */}[b.rand.IntN(10)])
	case n == 8:
		b.op(0x23, 0)
	case n == 9:
		b.address()
		b.op(0x28, 2, 0)
	case n == 10 && b.self > 0 && b.loops == 0:
		b.value()
		b.op(0x10, byte(b.rand.IntN(b.self)))
	case n == 11 && b.self > 2 && b.loops == 0:
		b.value()
		b.constant(int32(b.rand.IntN(5))) // 3 and 4 trap
		b.op(0x11, 0, 0)
	default:
		b.op(0x3f, 0)
	}
}

// address pushes one that lies mostly in the first pages.
func (b *builder) address() {
	b.value()
	b.constant(0x7ffff)
	b.op(0x71)
}

func (b *builder) sequence() {
	for n := 1 + b.rand.IntN(5); n > 0; n-- {
		b.statement()
	}
}

func (b *builder) statement() {
	if b.size--; b.size <= 0 {
		b.op(0x01)
		return
	}
	switch b.rand.IntN(14) {
	case 0, 1:
		b.value()
		b.op(0x21, b.local())
	case 2:
		b.value()
		b.op(0x24, 0)
	case 3:
		b.address()
		b.value()
		b.op(0x36, 2, 0)
	case 4:
		b.block(0x02)
	case 5:
		b.value()
		b.block(0x04)
	case 6:
		b.loop()
	case 7:
		if b.depth > 0 {
			b.value()
			b.op(0x0d, byte(b.rand.IntN(b.depth)))
		}
	case 8:
		b.bulk()
	case 9:
		b.value()
		b.constant(1)
		b.op(0x71, 0x40, 0, 0x1a)
	case 10:
		b.value()
		b.op(0x04, 0x40)
		b.value()
		b.op(0x0f, 0x0b)
	case 11:
		b.constant(int32(b.rand.IntN(4)))
		b.op(0xd2, byte(b.rand.IntN(3)), 0x26, 0) // table.set
	case 12:
		b.table()
	default:
		b.value()
		b.op(0x1a)
	}
}

func (b *builder) block(op byte) {
	b.op(op, 0x40)
	b.depth++
	b.sequence()
	if op == 0x04 && b.rand.IntN(2) == 0 {
		b.op(0x05)
		b.sequence()
	}
	b.depth--
	b.op(0x0b)
}

// table is a br_table over two blocks.
func (b *builder) table() {
	b.op(0x02, 0x40, 0x02, 0x40)
	b.value()
	b.op(0x0e, 2, 0, 1, 0, 0x0b)
	b.depth++
	b.sequence()
	b.depth--
	b.op(0x0b)
}

// loop is one of at most 40 rounds.
func (b *builder) loop() {
	if b.loops == 2 {
		return
	}
	counter := byte(locals + 2*b.rand.IntN(2) + b.loops)
	b.constant(int32(b.rand.IntN(40)))
	b.op(0x21, counter, 0x02, 0x40, 0x03, 0x40) // block loop
	b.op(0x20, counter, 0x45, 0x0d, 1)          // leave at zero
	b.op(0x20, counter)
	b.constant(1)
	b.op(0x6b, 0x21, counter)
	b.depth += 2
	b.loops++
	b.block(0x02)
	b.loops--
	b.depth -= 2
	b.op(0x0c, 0, 0x0b, 0x0b)
}

func (b *builder) bulk() {
	switch b.rand.IntN(6) {
	case 0:
		b.address()
		b.value()
		b.constant(int32(b.rand.IntN(400_000)))
		b.op(0xfc, 11, 0)
	case 1:
		b.address()
		b.address()
		b.constant(int32(b.rand.IntN(400_000)))
		b.op(0xfc, 10, 0, 0)
	case 2:
		b.address()
		b.constant(0)
		b.constant(int32(b.rand.IntN(11)))
		b.op(0xfc, 8, 0, 0)
	case 3:
		b.constant(0)
		b.constant(0)
		b.constant(int32(b.rand.IntN(3)))
		b.op(0xfc, 12, 1, 0)
	case 4:
		b.op(0xd0, 0x70)
		b.constant(int32(b.rand.IntN(2)))
		b.op(0xfc, 15, 0, 0x1a)
	default:
		b.constant(0)
		b.constant(1)
		b.constant(2)
		b.op(0xfc, 14, 0, 0)
	}
}

// TestRandomModules: modules made at random give the same with and without a meter.
func TestRandomModules(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	const n = uint64(400)
	whole, results := 0, 0
	for seed := range n {
		code := randomModule(seed)
		want := callAll(t, code, false)
		if want[0] == "invalid" {
			t.Fatalf("seed %d: the builder made an invalid module", seed)
		}
		if got := callAll(t, rewrite(t, code), true); slices.Contains(got, outOfFuel) {
			continue
		} else if !slices.Equal(got, want) {
			t.Errorf("seed %d:\nmetered %q\nplain   %q", seed, got, want)
		}
		whole++
		for _, said := range want[:functions] {
			if strings.HasSuffix(said, "]") {
				results++
			}
		}
	}
	if t.Logf("%d of %d ended, %d results", whole, n, results); whole < int(n/2) || results < whole {
		t.Error("too few end to be compared")
	}
}

// FuzzRewrite: whatever the bytes, Rewrite does not panic; what it gives back is valid exactly when the bytes are.
func FuzzRewrite(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(randomModule(seed))
	}
	f.Add([]byte("\x00asm\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, code []byte) {
		if metered, err := meter.Rewrite(code); err == nil {
			if was, is := isValid(t, code), isValid(t, metered); was != is {
				t.Errorf("valid before: %v, after: %v", was, is)
			}
		}
	})
}
