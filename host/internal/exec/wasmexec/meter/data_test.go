package meter_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
)

func plain(at int32, data string) []byte {
	return slices.Concat([]byte{0, 0x41}, leb(at), []byte{0x0b, byte(len(data))}, []byte(data))
}

func leb(v int32) (b []byte) {
	for ; ; v >>= 7 {
		if c := byte(v & 0x7f); v>>6 == 0 || v>>6 == -1 {
			return append(b, c)
		} else {
			b = append(b, c|0x80)
		}
	}
}

func withData(before []byte, segments ...[]byte) []byte {
	return slices.Concat(wasm(section(5, 1, 0, 1)), before, section(11, append(binary.AppendUvarint(nil, uint64(len(segments))), slices.Concat(segments...)...)...))
}

// TestData: whatever the segments, memory begins as it would without the meter.
func TestData(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		var segments [][]byte
		for at := r.IntN(100); len(segments) < 1+r.IntN(40); {
			text := make([]byte, r.IntN(20))
			for i := range text {
				text[i] = byte(r.IntN(4)) // zeros too
			}
			segments = append(segments, plain(int32(at), string(text)))
			at += len(text) + r.IntN(1+[]int{0, 10, 200}[r.IntN(3)])
			if r.IntN(60) == 0 {
				at = r.IntN(1000) // over another, perhaps
			}
		}
		r.Shuffle(len(segments)*r.IntN(2), func(i, k int) { segments[i], segments[k] = segments[k], segments[i] })
		code := withData(nil, segments...)
		if want, got := memoryOf(instance(t, code, nil)), memoryOf(instance(t, code, plenty)); !slices.Equal(want, got) {
			t.Errorf("seed %d: memory differs", seed)
		}
	}
}

// TestJoined: which segments become one, and that what does not fit is refused as before.
func TestJoined(t *testing.T) {
	t.Parallel()
	count := section(12, 2)
	imported := section(2, 1, 1, 'e', 1, 'm', 2, 0, 1)
	for name, c := range map[string]struct {
		code []byte
		want int // segments
	}{
		"near":                {withData(nil, plain(8, "a"), plain(73, "b"), plain(138, "c")), 1},
		"in any order":        {withData(nil, plain(138, "c"), plain(8, "a"), plain(73, "b")), 1},
		"far":                 {withData(nil, plain(8, "a"), plain(74, "b")), 2},
		"over one another":    {withData(nil, plain(8, "ab"), plain(9, "b")), 2},
		"dropped by number":   {withData(count, plain(8, "a"), plain(12, "b")), 2},
		"where a global says": {withData(section(6, 1, 0x7f, 0, 0x41, 4, 0x0b), plain(8, "a"), []byte{0, 0x23, 0, 0x0b, 1, 'b'}), 2},
		"memory of another":   {slices.Concat(wasm(imported), section(11, slices.Concat([]byte{2}, plain(8, "a"), plain(12, "b"))...)), 2},
		"cut off":             {withData(nil, plain(8, "a"), []byte{0, 0x41, 12, 0x0b, 9, 'b'}), 2},
	} {
		if got := segmentsOf(t, rewrite(t, c.code)); got != c.want {
			t.Errorf("%s: %d segments, want %d", name, got, c.want)
		}
	}
	runtime := wazero.NewRuntime(t.Context())
	t.Cleanup(func() { _ = runtime.Close(context.Background()) })
	offerRefill(t, runtime, plenty)
	for _, at := range []int32{-1, -1 << 31, 1 << 16} {
		if _, err := runtime.Instantiate(t.Context(), rewrite(t, withData(nil, plain(1<<16-2, "a"), plain(at, "b")))); err == nil {
			t.Errorf("a segment at %d fits", at)
		}
	}
}

// segmentsOf reads how many segments the data section begins with.
func segmentsOf(t *testing.T, code []byte) int {
	t.Helper()
	for at := 8; at < len(code); {
		size, n := binary.Uvarint(code[at+1:])
		if code[at] == 11 {
			count, _ := binary.Uvarint(code[at+1+n:])
			return int(count)
		}
		at += 1 + n + int(size)
	}
	t.Fatal("no data section")
	return 0
}
