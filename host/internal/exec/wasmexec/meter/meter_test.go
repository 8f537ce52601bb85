package meter_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec/meter"
)

// instance makes an instance of a module; refill nil stands for one that is not metered.
func instance(t *testing.T, code []byte, refill func(fuel int64) int64) api.Module {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features))
	t.Cleanup(func() { _ = runtime.Close(ctx) })
	if refill != nil {
		offerRefill(t, runtime, refill)
		code = rewrite(t, code)
	}
	m, err := runtime.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func plenty(int64) int64 { return 1 << 40 }

func call(t *testing.T, m api.Module, name string, args ...uint64) ([]uint64, error) {
	t.Helper()
	results, err := m.ExportedFunction(name).Call(t.Context(), args...)
	return slices.Clone(results), err
}

// wasm puts a module with one memory together: sections by hand.
func wasm(sections ...[]byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), slices.Concat(sections...)...)
}

func section(id byte, content ...byte) []byte {
	return slices.Concat([]byte{id}, binary.AppendUvarint(nil, uint64(len(content))), content)
}

// TestState: what random code does to globals and tables is undone by Restore, or Restore says that it cannot.
func TestState(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("long")
	}
	restored, spoiled := 0, 0
	for seed := range uint64(150) {
		m := instance(t, randomModule(seed), plenty)
		if r, err := call(t, m, meter.Save); err != nil || r[0] != 0 {
			t.Fatalf("seed %d: save: %v, %v", seed, r, err)
		}
		memory := slices.Clone(memoryOf(m))
		first := runUntilTrap(t, m)
		r, err := call(t, m, meter.Restore)
		switch {
		case err != nil:
			t.Fatalf("seed %d: restore: %v", seed, err)
		case r[0] != 0:
			spoiled++
			continue
		case len(memoryOf(m)) != len(memory): // whoever restores memory sees to its size
			continue
		}
		m.Memory().Write(0, memory)
		if again := runUntilTrap(t, m); !slices.Equal(first, again) {
			t.Errorf("seed %d: first %v, then %v", seed, first, again)
		}
		restored++
	}
	if restored < 20 || spoiled < 5 {
		t.Errorf("%d were restored, %d were not to be", restored, spoiled)
	}
}

func runUntilTrap(t *testing.T, m api.Module) (said []string) {
	t.Helper()
	for f := range functions {
		r, err := call(t, m, string(rune('a'+f)), 7)
		if err != nil {
			return append(said, firstLine(err))
		}
		said = append(said, fmt.Sprint(r, m.ExportedGlobal("g").Get(), checksum(memoryOf(m))))
	}
	return said
}

// TestNames: a trap names the same functions with and without a meter, imports before them or not.
func TestNames(t *testing.T) {
	t.Parallel()
	code := wasm(
		section(1, 1, 0x60, 0, 0),
		section(3, 2, 0, 0),
		section(7, 1, 1, 'f', 0, 1),
		section(10, 2, 3, 0, 0x00, 0x0b, 4, 0, 0x10, 0, 0x0b),
		section(0, append([]byte{4, 'n', 'a', 'm', 'e', 1, 12, 2}, "\x00\x04deep\x01\x03top"...)...),
	)
	_, want := call(t, instance(t, code, nil), "f")
	_, got := call(t, instance(t, code, plenty), "f")
	if want == nil || got == nil || got.Error() != want.Error() || !strings.Contains(want.Error(), "deep") {
		t.Errorf("metered %v, plain %v", got, want)
	}
}

// TestPieces: bulk instructions on much memory do what one would, overlapping or not, and are paid for on the way.
func TestPieces(t *testing.T) {
	t.Parallel()
	three := []byte{0x20, 0, 0x20, 1, 0x20, 2}
	code := wasm(
		section(1, 1, 0x60, 3, 0x7f, 0x7f, 0x7f, 0),
		section(3, 2, 0, 0),
		section(5, 1, 0, 0x80, 1), // 128 pages
		section(7, 3, 1, 'c', 0, 0, 1, 'f', 0, 1, 1, 'm', 2, 0),
		section(10, slices.Concat([]byte{2, 12, 0}, three, []byte{0xfc, 10, 0, 0, 0x0b}, []byte{11, 0}, three, []byte{0xfc, 11, 0, 0x0b})...),
	)
	const size, mib = 128 << 16, 1 << 20
	refills := 0
	plain, metered := instance(t, code, nil), instance(t, code, func(int64) int64 { refills++; return 1000 })
	for _, m := range []api.Module{plain, metered} {
		for i := range uint32(size / 4) {
			m.Memory().WriteUint32Le(4*i, i*2654435761)
		}
	}
	for _, c := range []struct {
		f       string
		a, b, n uint64
	}{
		{"c", 0, 3 * mib, 2 * mib}, {"c", 100, 0, 5*mib + 3}, {"c", 0, 100, 5*mib + 3}, {"c", mib, mib, mib}, {"c", 5, 6, 7},
		{"c", 0, 1, size}, {"c", 1, 0, size}, {"c", size, 0, 0}, {"c", size + 1, 0, 0}, {"c", 1 << 31, 0, 1 << 31}, {"c", 0, 0, 1<<32 - 1},
		{"f", 3, 7, 4 * mib}, {"f", size - mib, 1, mib}, {"f", size - mib, 2, mib + 1}, {"f", 1<<32 - 1, 1, 1<<32 - 1}, {"f", 9, 3, 262144}, {"f", 9, 4, 262145},
	} {
		before := refills
		_, want := call(t, plain, c.f, c.a, c.b, c.n)
		_, got := call(t, metered, c.f, c.a, c.b, c.n)
		if firstLine(want) != firstLine(got) {
			t.Errorf("%+v: metered %v, plain %v", c, got, want)
		}
		if checksum(memoryOf(plain)) != checksum(memoryOf(metered)) {
			t.Fatalf("%+v: the memories differ", c)
		}
		if want == nil && refills-before < int(c.n>>20) {
			t.Errorf("%+v: %d refills", c, refills-before)
		}
	}
}

// TestRefused: what would reach for the meter's own things, and what is not understood.
func TestRefused(t *testing.T) {
	t.Parallel()
	void := section(1, 1, 0x60, 0, 0)
	body := func(code ...byte) []byte {
		return wasm(void, section(3, 1, 0), section(10, slices.Concat([]byte{1, byte(len(code) + 2), 0}, code, []byte{0x0b})...))
	}
	imported := slices.Concat([]byte{1, byte(len(meter.Host))}, []byte(meter.Host), []byte{1, 'x', 0, 0})
	exported := slices.Concat([]byte{1, byte(len(meter.Fuel))}, []byte(meter.Fuel), []byte{0, 0})
	for name, code := range map[string][]byte{
		"no module": []byte("text"), "cut off": append(wasm(), 1, 5, 1), "component": []byte("\x00asm\x0d\x00\x01\x00"),
		"imports the host": wasm(void, section(2, imported...)),
		"exports the fuel": wasm(void, section(3, 1, 0), section(7, exported...), section(10, 1, 2, 0, 0x0b)),
		"sets the fuel":    body(0x42, 0, 0x24, 0), "reads the fuel": body(0x23, 0, 0x1a),
		"calls the meter": body(0x10, 1), "names the meter": body(0xd2, 2, 0x1a), "another local": body(0x20, 0, 0x1a),
		"another table": body(0x41, 0, 0x25, 0, 0x1a), "another type": body(0x02, 1, 0x0b), "exports the meter": wasm(void, section(7, 1, 1, 'a', 0, 0)),
		"starts the meter": wasm(void, section(8, 0)), "threads": body(0xfe, 3, 0), "relaxed SIMD": body(0xfd, 0x80, 2), "no such instruction": body(0x27),
		"bodies without functions": wasm(section(10, 1, 2, 0, 0x0b)), "functions without bodies": wasm(void, section(3, 1, 0)),
		"sections twice": wasm(void, void),
		"GC types":       wasm(section(1, 1, 0x5f, 0)), "tags": wasm(void, section(13, 1, 0, 0)),
	} {
		if _, err := meter.Rewrite(code); err == nil {
			t.Errorf("%s: taken", name)
		} else if !strings.HasPrefix(err.Error(), "meter: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCharges: what small pieces of code take, by the model.
func TestCharges(t *testing.T) {
	t.Parallel()
	code := func(locals byte, body ...byte) []byte {
		f := slices.Concat([]byte{1, locals, 0x7f}, body, []byte{0x0b})
		return wasm(section(1, 1, 0x60, 1, 0x7f, 0), section(3, 2, 0, 0), section(5, 1, 0, 8), section(7, 1, 1, 'f', 0, 0),
			section(10, slices.Concat([]byte{2}, binary.AppendUvarint(nil, uint64(len(f))), f, []byte{4, 0, 0x01, 0x01, 0x0b})...))
	}
	// A loop over the argument: five instructions each time, after nothing.
	loop := []byte{0x03, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b}
	for _, c := range []struct {
		name string
		code []byte
		arg  uint64
		want int64
	}{
		{"once round", code(0, loop...), 1, 5},
		{"a hundred times round", code(0, loop...), 100, 500},
		{"a call of what is not metered", code(0, 0x20, 0, 0x10, 1), 1, 5},
		{"the longer arm", code(0, 0x20, 0, 0x04, 0x40, 0x20, 0, 0x1a, 0x05, 0x20, 0, 0x20, 0, 0x6d, 0x1a, 0x0b, 0x41, 1, 0x10, 1), 1, 18},
		{"64 KiB filled", code(0, 0x41, 0, 0x41, 0, 0x41, 0x80, 0x80, 4, 0xfc, 11, 0), 1, 7 + 2048},
		{"two pages more", code(0, 0x41, 2, 0x40, 0, 0x1a), 1, 52 + 2*2048},
		{"too many pages", code(0, 0x41, 0x7f, 0x40, 0, 0x1a), 1, 52},
	} {
		granted, spent := int64(0), int64(0)
		m := instance(t, c.code, func(fuel int64) int64 {
			spent += granted - fuel
			granted = 1 << 30
			return granted
		})
		if _, err := call(t, m, "f", c.arg); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if spent += granted - int64(m.ExportedGlobal(meter.Fuel).Get()); spent != c.want {
			t.Errorf("%s takes %d, want %d", c.name, spent, c.want)
		}
	}
}

// TestVersion: whoever keeps rewritten modules knows by Version whether they are still what Rewrite gives. When this
// fails, raise meter.Version; and meter.Model, too, if anything costs another amount.
func TestVersion(t *testing.T) {
	t.Parallel()
	h := sha256.New()
	for seed := range uint64(20) {
		h.Write(rewrite(t, randomModule(seed)))
	}
	h.Write(rewrite(t, withData(nil, plain(8, "a"), plain(73, "b"), plain(200, "c"))))
	if got, want := fmt.Sprintf("%d %x", meter.Version, h.Sum(nil)[:8]), "2 1f7c8b612f5359fd"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
