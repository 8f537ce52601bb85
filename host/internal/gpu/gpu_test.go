package gpu

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// answer is a prober that always answers the same.
type answer struct {
	uuids []string
	note  string
	err   error
}

func (a answer) Probe(context.Context) (out []device.Device, note string, err error) {
	for _, u := range a.uuids {
		out = append(out, device.Device{UUID: u, Name: a.note})
	}
	return out, a.note, a.err
}

func TestTogether(t *testing.T) {
	t.Parallel()
	broken, none := answer{err: errors.New("it broke")}, answer{note: "nothing here"}
	two, three := answer{uuids: []string{"a", "b"}, note: "two"}, answer{uuids: []string{"b", "c"}, note: "three"}
	for _, c := range []struct {
		name   string
		prober Prober
		uuids  []string
		note   string
		err    string
	}{
		{"nobody", Join(), nil, "", ""},
		{"none", Join(none, none), nil, "nothing here", ""},
		{"joined", Join(two, none, three), []string{"a", "b", "c"}, "two; three; two devices have the UUID b: the second is left out", ""},
		{"one fails", Join(broken, two), []string{"a", "b"}, "it broke; two", ""},
		{"all fail", Join(broken, none), nil, "", "it broke"},
		{"first", First(none, broken, two, three), []string{"a", "b"}, "two", ""},
		{"first of none", First(none, answer{note: "nor here"}), nil, "nothing here; nor here", ""},
		{"first fails", First(none, broken), nil, "", "nothing here; it broke"},
	} {
		devices, note, err := c.prober.Probe(t.Context())
		var uuids []string
		for _, d := range devices {
			uuids = append(uuids, d.UUID)
		}
		if !slices.Equal(uuids, c.uuids) || note != c.note || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %v %q %v", c.name, uuids, note, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []Prober{Join(two), First(two)} {
		if _, _, err := p.Probe(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%T goes on: %v", p, err)
		}
	}
}

func TestNUMA(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for address, node := range map[string]string{"0000:65:00.0": "1\n", "0000:66:00.0": "-1\n", "0000:67:00.0": "?"} {
		if err := os.MkdirAll(filepath.Join(dir, address), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, address, "numa_node"), []byte(node), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, address := range []string{"00000000:65:00.0", "0000:65:00.0"} {
		if n := numaOf(dir, address); n == nil || *n != 1 {
			t.Errorf("%s: %v", address, n)
		}
	}
	for _, address := range []string{"0000:66:00.0", "0000:67:00.0", "0000:68:00.0", "", "x", "0000:../0000:65:00.0"} {
		if n := numaOf(dir, address); n != nil {
			t.Errorf("%q: %d", address, *n)
		}
	}
}

func TestWSL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"5.15.167.4-microsoft-standard-WSL2\n": true, "6.8.0-90-generic\n": false} {
		file := filepath.Join(t.TempDir(), "osrelease")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if wslAt(file) != want {
			t.Error(text)
		}
	}
	if wslAt(t.TempDir()) {
		t.Error("a folder is no release")
	}
}
