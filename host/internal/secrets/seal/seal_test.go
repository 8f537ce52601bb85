package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
)

func TestSealAndOpen(t *testing.T) {
	t.Parallel()
	key := seal.NewKey()
	again, err := seal.ParseKey(key.Bytes())
	if err != nil || again.Public() != key.Public() {
		t.Fatalf("got %v, %v", again, err)
	}
	for _, plain := range []string{"", "x", strings.Repeat("long", 1<<14)} {
		sealed, err := seal.Seal(key.Public(), []byte("run_1/a/1"), []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		if len(sealed) != len(plain)+seal.Overhead || plain == "x" && bytes.Contains(sealed, []byte("run_1")) {
			t.Errorf("%d bytes became %d", len(plain), len(sealed))
		}
		got, err := again.Open([]byte("run_1/a/1"), sealed)
		if err != nil || string(got) != plain {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if twice, _ := seal.Seal(key.Public(), []byte("run_1/a/1"), []byte(plain)); bytes.Equal(twice, sealed) {
			t.Error("it is sealed the same way twice")
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key := seal.NewKey()
	sealed, err := seal.Seal(key.Public(), []byte("here"), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	open := func(k seal.Key, context string, b []byte, want error) {
		t.Helper()
		if got, err := k.Open([]byte(context), b); !errors.Is(err, want) || got != nil {
			t.Errorf("got %q, %v, not %v", got, err, want)
		}
	}
	open(seal.NewKey(), "here", sealed, seal.ErrOtherKey)
	open(key, "there", sealed, seal.ErrDamaged)
	open(key, "here", nil, seal.ErrDamaged)
	open(key, "here", append([]byte{2}, sealed[1:]...), seal.ErrVersion)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := key.Open([]byte("here"), bad); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
		if _, err := key.Open([]byte("here"), sealed[:i]); err == nil {
			t.Errorf("it may end after %d bytes", i)
		}
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	public := seal.NewKey().Public()
	for text, want := range map[string]string{
		"":                                    "begins with",
		"ssh-rsa AAAA":                        "another version of spinbot",
		public[:20]:                           "copy all of it",
		public + "A":                          "copy all of it",
		public[:10] + " " + public[11:]:       "copy all of it",
		"x25519-1:" + strings.Repeat("A", 43): "nothing can be sealed",
	} {
		if _, err := seal.Seal(text, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := seal.ParseKey([]byte("short")); err == nil || !strings.Contains(err.Error(), "5 bytes, not 32") {
		t.Error(err)
	}
}

func TestKeyIsNotShown(t *testing.T) {
	t.Parallel()
	key := seal.NewKey()
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(format, key); got != key.Public() {
			t.Errorf("%s: %s", format, got)
		}
	}
}

func FuzzOpen(f *testing.F) {
	key, err := seal.ParseKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := seal.Seal(key.Public(), []byte("here"), []byte("secret"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("here"), sealed)
	f.Add([]byte("there"), sealed)
	f.Add([]byte(nil), sealed[:5])
	f.Fuzz(func(t *testing.T, context, b []byte) {
		got, err := key.Open(context, b)
		if err == nil && (string(got) != "secret" || string(context) != "here") {
			t.Errorf("opened %q in %q: %q", b, context, got)
		}
	})
}
