package archive_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/archive"
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func ofRun(artifacts ...string) archive.Manifest {
	m := archive.Manifest{Format: "spinbot", Version: 1, Of: archive.OfRun, Host: "box", Program: "1", Made: time.Unix(7, 0).UTC(), Run: &archive.Run{ID: "run_1"}}
	for _, text := range artifacts {
		m.Run.Artifacts = append(m.Run.Artifacts, archive.Artifact{Digest: digest(text), Size: int64(len(text))})
	}
	return m
}

// written is an archive of a run with a journal and these artifacts.
func written(t *testing.T, artifacts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, ofRun(artifacts...))
	if err != nil {
		t.Fatal(err)
	}
	add := func(name, text string) {
		if err := w.Add(name, int64(len(text)), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	add(archive.JournalName, "{}\n")
	for _, text := range artifacts {
		add(archive.ArtifactName(digest(text)), text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads an archive to its end.
func read(raw []byte) (map[string]string, error) {
	a, err := archive.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	got := map[string]string{}
	for {
		e, err := a.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		if err := a.CopyTo(&b, e); err != nil {
			return nil, err
		}
		got[e.Name] = b.String()
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	got, err := read(written(t, "one", ""))
	if err != nil || len(got) != 3 || got[archive.JournalName] != "{}\n" || got[archive.ArtifactName(digest("one"))] != "one" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestCut: wherever an archive is cut off, it is refused; and so is one of which any byte was changed.
func TestCut(t *testing.T) {
	t.Parallel()
	raw := written(t, "one", "two")
	for n := 0; n < len(raw)-1024; n += 37 { // a tar ends in two empty blocks, which nothing needs
		var why *archive.Error
		if _, err := read(raw[:n]); !errors.As(err, &why) && !padding(raw, n) {
			t.Fatalf("cut off after %d of %d bytes: %v", n, len(raw), err)
		}
	}
	for n := 0; n < len(raw)-1024; n += 11 {
		changed := bytes.Clone(raw)
		changed[n] ^= 1
		var why *archive.Error
		if _, err := read(changed); err != nil && !errors.As(err, &why) {
			t.Fatalf("byte %d changed: %v is no refusal", n, err)
		} else if err == nil && !padding(raw, n) {
			t.Fatalf("byte %d changed: taken", n)
		}
	}
}

// padding says whether a byte is after an entry's own bytes, within its last block.
func padding(raw []byte, at int) bool {
	r := bytes.NewReader(raw)
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err != nil {
			return false
		}
		begin := len(raw) - r.Len()
		end := begin + int(h.Size)
		if at >= end && at < (end+511)/512*512 {
			return true
		}
	}
}

// entry is one of an archive that is made by hand.
type entry struct {
	name, text string
	change     func(*tar.Header)
}

func crafted(t *testing.T, m any, entries ...entry) []byte {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range append([]entry{{name: archive.ManifestName, text: string(raw)}}, entries...) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.text)), Mode: 0o600}
		if e.change != nil {
			e.change(h)
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func seal(entries int, bytes int, digests string) entry {
	return entry{name: archive.SealName, text: fmt.Sprintf(`{"entries":%d,"bytes":%d,"digests":{%s}}`, entries, bytes, digests)}
}

// TestHostile: what is refused, and in which words.
func TestHostile(t *testing.T) {
	t.Parallel()
	m := ofRun("one")
	with := func(change func(*archive.Manifest)) archive.Manifest {
		x := ofRun("one")
		change(&x)
		return x
	}
	one := entry{name: archive.ArtifactName(digest("one")), text: "one"}
	link := func(kind byte) func(*tar.Header) {
		return func(h *tar.Header) { h.Typeflag, h.Linkname, h.Size = kind, "/etc/passwd", 0 }
	}
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"nothing":            {nil, "no archive of spinbot's"},
		"a text":             {[]byte(strings.Repeat("hello ", 200)), "no archive of spinbot's"},
		"another format":     {crafted(t, with(func(m *archive.Manifest) { m.Format = "tape" })), "no archive of spinbot's"},
		"a later version":    {crafted(t, with(func(m *archive.Manifest) { m.Version = 2 })), "later version of spinbot"},
		"no version":         {crafted(t, with(func(m *archive.Manifest) { m.Version = 0 })), "manifest is damaged"},
		"of what":            {crafted(t, with(func(m *archive.Manifest) { m.Of = "world" })), `archive of "world"`},
		"no run":             {crafted(t, with(func(m *archive.Manifest) { m.Run = nil })), "does not know"},
		"no manifest":        {crafted(t, 7), "manifest is damaged"},
		"no digest":          {crafted(t, with(func(m *archive.Manifest) { m.Run.Artifacts[0].Digest = "sha256:../../x" })), "no digest"},
		"twice in the list":  {crafted(t, ofRun("one", "one")), "twice"},
		"a size below zero":  {crafted(t, with(func(m *archive.Manifest) { m.Run.Artifacts[0].Size = -1 })), "-1 bytes"},
		"a size like no":     {crafted(t, with(func(m *archive.Manifest) { m.Run.Artifacts[0].Size = 1 << 60 })), "no artifact has"},
		"withheld and there": {crafted(t, with(func(m *archive.Manifest) { m.Run.Withheld = []string{digest("one")} })), "withholds"},
		"a path":             {crafted(t, m, entry{name: "../../etc/passwd", text: "x"}), "does not belong"},
		"an absolute path":   {crafted(t, m, entry{name: "/etc/passwd", text: "x"}), "does not belong"},
		"a file of a state":  {crafted(t, m, entry{name: "state/spinbot.db", text: "x"}), "does not belong"},
		"a link":             {crafted(t, m, entry{name: one.name, change: link(tar.TypeSymlink)}), "no plain file"},
		"a hard link":        {crafted(t, m, entry{name: one.name, change: link(tar.TypeLink)}), "no plain file"},
		"a device":           {crafted(t, m, entry{name: one.name, change: link(tar.TypeChar)}), "no plain file"},
		"not listed":         {crafted(t, m, entry{name: archive.ArtifactName(digest("two")), text: "two"}), "does not list"},
		"a lying size":       {crafted(t, with(func(m *archive.Manifest) { m.Run.Artifacts[0].Size = 2 }), one), "says 2 bytes"},
		"another's bytes":    {crafted(t, m, entry{name: one.name, text: "two"}), "was changed"},
		"twice":              {crafted(t, m, one, one), "twice"},
		"no seal":            {crafted(t, m, one), "cut off"},
		"not all":            {crafted(t, m, seal(1, manifestSize(t, m), manifestDigest(t, m))), "lacks"},
		"a wrong seal":       {crafted(t, m, one, seal(7, 7, "")), "was sealed with 7"},
		"a wrong digest":     {crafted(t, m, one, seal(2, manifestSize(t, m)+3, "")), "not what was sealed"},
		"more":               {crafted(t, m, one, seal(2, manifestSize(t, m)+3, manifestDigest(t, m)), entry{name: archive.JournalName}), "goes on"},
		"it failed":          {crafted(t, m, one, entry{name: archive.SealName, text: `{"failed":"the disk is full"}`}), "the disk is full"},
		"no seal in it":      {crafted(t, m, one, entry{name: archive.SealName, text: "seal"}), "seal is damaged"},
	} {
		var why *archive.Error
		if _, err := read(c.raw); !errors.As(err, &why) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func manifestSize(t *testing.T, m archive.Manifest) int { return len(encoded(t, m)) }

func manifestDigest(t *testing.T, m archive.Manifest) string {
	return fmt.Sprintf("%q:%q", archive.ManifestName, digest(encoded(t, m)))
}

func encoded(t *testing.T, m archive.Manifest) string {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestBomb: a sparse file that claims a terabyte is not unpacked.
func TestBomb(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	m := ofRun("one")
	w := tar.NewWriter(&b)
	text := encoded(t, m)
	for _, e := range []struct {
		h    *tar.Header
		text string
	}{
		{&tar.Header{Typeflag: tar.TypeReg, Name: archive.ManifestName, Size: int64(len(text))}, text},
		{&tar.Header{Typeflag: tar.TypeReg, Name: archive.ArtifactName(digest("one")), Size: 3, Format: tar.FormatPAX, PAXRecords: map[string]string{"SPINBOT.sparse.map": "0,1"}}, "one"},
	} {
		if err := w.WriteHeader(e.h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	// The standard library writes no sparse files: the records of one are put in place of others of the same length.
	raw := bytes.Replace(b.Bytes(), []byte("SPINBOT.sparse.map=0,1"), []byte("GNU.sparse.realsize=99"), 1)
	var why *archive.Error
	if _, err := read(raw); !errors.As(err, &why) {
		t.Errorf("%v, want a refusal", err)
	}
}

// TestState: names of files of a state directory.
func TestState(t *testing.T) {
	t.Parallel()
	m := archive.Manifest{Format: "spinbot", Version: 1, Of: archive.OfState, Host: "box", Made: time.Unix(7, 0).UTC(), State: &archive.State{}}
	for name, ok := range map[string]bool{
		"state/spinbot.db": true, "state/triggers/a.json": true, "state/...": true,
		"state/..": false, "state/../x": false, "state/a/../../x": false, "state//x": false, "state/a//b": false, "state/./x": false, "state/a\\b": false,
		"spinbot.db": false, archive.JournalName: false, "artifacts/sha256-x": false, "state/" + strings.Repeat("x", 600): false,
	} {
		raw := crafted(t, m, entry{name: name, text: "x"}, seal(2, manifestSize(t, m)+1, manifestDigest(t, m)+fmt.Sprintf(",%q:%q", name, digest("x"))))
		if _, err := read(raw); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamagedWhereStored: an artifact that is not what its digest says is not written as if it were.
func TestDamagedWhereStored(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w, err := archive.NewWriter(&b, ofRun("one"))
	if err != nil {
		t.Fatal(err)
	}
	err = w.Add(archive.ArtifactName(digest("one")), 3, strings.NewReader("two"))
	if err == nil || !strings.Contains(err.Error(), "damaged where it is stored") {
		t.Error(err)
	}
	if err := w.Fail(err); err != nil {
		t.Fatal(err)
	}
	if _, err := read(b.Bytes()); err == nil {
		t.Error("taken all the same")
	}
	if err := w.Add("state/x", 9, strings.NewReader("short")); err == nil {
		t.Error("a reader that is too short is taken")
	}
}

// FuzzRead: no bytes make it panic, and what is taken whole is what was written.
func FuzzRead(f *testing.F) {
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := read(raw)
		for name, text := range got {
			if d, ok := strings.CutPrefix(name, archive.ArtifactPrefix); err == nil && ok && digest(text) != "sha256:"+d {
				t.Errorf("%s is %q", name, text)
			}
		}
	})
}
