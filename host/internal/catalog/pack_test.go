package catalog

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folderOf makes a plugin's folder, and the entry that a machine has of it which trusts its program.
func folderOf(t *testing.T, program string) Entry {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "hello")
	write(t, filepath.Join(folder, "plugin.hcl"), "name = \"hello\"\nversion = \"1.0.0\"\nbinary = \"bin/run\"\n", 0o600)
	write(t, filepath.Join(folder, "bin", "run"), program, 0o700)
	write(t, filepath.Join(folder, "data", "model.txt"), "weights", 0o644)
	sum := sha256.Sum256([]byte(program))
	return Entry{Name: "hello", Kind: Plugin, Folder: folder, Path: filepath.Join(folder, "bin", "run"), SHA256: hex.EncodeToString(sum[:])}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestPackUnpack(t *testing.T) {
	t.Parallel()
	var packed [2]bytes.Buffer
	for i := range packed { // two folders with other times, the same content
		if err := Pack(&packed[i], folderOf(t, "#!/bin/sh\n")); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0].Bytes(), packed[1].Bytes()) {
		t.Error("the same content packs to other bytes")
	}
	to := t.TempDir()
	if err := Unpack(&packed[0], to); err != nil {
		t.Fatal(err)
	}
	e, err := At(to)
	want := folderOf(t, "#!/bin/sh\n")
	if err != nil || e.Name != "hello" || e.Version != "1.0.0" || e.SHA256 != want.SHA256 || e.Path != filepath.Join(to, "bin", "run") {
		t.Errorf("unpacked: %+v, %v", e, err)
	}
	info, err := os.Stat(e.Path)
	if err != nil || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("the program: %v, %v", info, err)
	}
	raw, err := os.ReadFile(filepath.Join(to, "data", "model.txt"))
	if err != nil || string(raw) != "weights" {
		t.Errorf("what lies beside it: %q, %v", raw, err)
	}
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(e *Entry) error
		want  string
	}{
		"an altered program": {func(e *Entry) error { return os.WriteFile(e.Path, []byte("other"), 0o600) }, "its program was altered"},
		"a link":             {func(e *Entry) error { return os.Symlink("/etc/passwd", filepath.Join(e.Folder, "data", "x")) }, "data/x is a link"},
		"a program elsewhere": {func(e *Entry) error {
			return os.Rename(e.Path, filepath.Join(e.Folder, "away"))
		}, "its program was altered"},
		"too much": {func(e *Entry) error { return os.Truncate(filepath.Join(e.Folder, "data", "model.txt"), MaxPacked) }, "it holds more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := folderOf(t, "program")
			if err := c.spoil(&e); err != nil {
				t.Fatal(err)
			}
			if err := Pack(discard{}, e); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestUnpackRefuses(t *testing.T) {
	t.Parallel()
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 1}
	}
	for name, c := range map[string]struct {
		heads []tar.Header
		want  string
	}{
		"an absolute path":      {[]tar.Header{file("/tmp/x")}, "would not lie in the plugin's folder"},
		"a path above":          {[]tar.Header{file("../x")}, "would not lie in the plugin's folder"},
		"a path around":         {[]tar.Header{file("a/../../x")}, "would not lie in the plugin's folder"},
		"an odd path":           {[]tar.Header{file("a//x")}, "would not lie in the plugin's folder"},
		"the folder itself":     {[]tar.Header{{Typeflag: tar.TypeDir, Name: "./"}}, "would not lie in the plugin's folder"},
		"a link":                {[]tar.Header{{Typeflag: tar.TypeSymlink, Name: "x", Linkname: "/etc/passwd"}}, "neither a file nor a folder"},
		"a hard link":           {[]tar.Header{file("a"), {Typeflag: tar.TypeLink, Name: "x", Linkname: "a"}}, "neither a file nor a folder"},
		"a device":              {[]tar.Header{{Typeflag: tar.TypeChar, Name: "x"}}, "neither a file nor a folder"},
		"a file twice":          {[]tar.Header{file("x"), file("x")}, "comes twice"},
		"a file as a folder":    {[]tar.Header{file("x"), file("x/y")}, "x"},
		"a file that is huge":   {[]tar.Header{{Typeflag: tar.TypeReg, Name: "x", Size: MaxPacked + 1}}, "it holds more than"},
		"an end that is no end": {[]tar.Header{{Typeflag: tar.TypeReg, Name: "x", Size: 100_000}}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			to := filepath.Join(outer, "to")
			if err := os.Mkdir(to, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := Unpack(hostile(t, c.heads), to); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if beside, err := os.ReadDir(outer); err != nil || len(beside) != 1 {
				t.Errorf("it left %v beside its folder, %v", beside, err)
			}
		})
	}
}

// hostile writes heads, each small file with its byte.
func hostile(t *testing.T, heads []tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range heads {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size == 1 {
			if _, err := w.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if heads[len(heads)-1].Size <= 1 {
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	pe := append([]byte("MZ"), make([]byte, 126)...)
	pe[60] = 64
	copy(pe[64:], "PE\x00\x00\x64\x86")
	elf := func(system, data byte, machine ...byte) []byte {
		return append([]byte{0x7f, 'E', 'L', 'F', 2, data, 1, system, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0}, append(machine, 0, 0)...)
	}
	for name, c := range map[string]struct {
		head []byte
		want []string
	}{
		"linux/amd64":   {elf(0, 1, 62, 0), []string{"linux/amd64"}},
		"linux/arm64":   {elf(3, 1, 183, 0), []string{"linux/arm64"}},
		"freebsd/amd64": {elf(9, 1, 62, 0), []string{"freebsd/amd64"}},
		"linux/s390x":   {elf(0, 2, 0, 22), []string{"linux/s390x"}},
		"linux/ppc64le": {elf(0, 1, 21, 0), []string{"linux/ppc64le"}},
		"unknown":       {elf(0, 1, 1, 1), nil},
		"darwin/arm64":  {[]byte{0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1}, []string{"darwin/arm64"}},
		"darwin, both": {append([]byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2, 1, 0, 0, 7}, append(make([]byte, 16), 1, 0, 0, 0x0c)...),
			[]string{"darwin/amd64", "darwin/arm64"}},
		"a Java class":  {[]byte{0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, 1, 0, 0, 7}, nil},
		"windows/amd64": {pe, []string{"windows/amd64"}},
		"cut off":       {[]byte("MZ"), nil},
		"a script":      {[]byte("#!/bin/sh\nexec true\n"), nil},
		"nothing":       {nil, nil},
	} {
		if got := platformsOf(c.head); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	path := filepath.Join(t.TempDir(), "program")
	write(t, path, string(elf(0, 1, 183, 0)), 0o600)
	if err := CheckPlatform(path, "linux/arm64"); err != nil {
		t.Error(err)
	}
	if err := CheckPlatform(path, "darwin/arm64"); err == nil || !strings.Contains(err.Error(), "built for linux/arm64, and that machine is darwin/arm64") {
		t.Errorf("another platform: %v", err)
	}
}
