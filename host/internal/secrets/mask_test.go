package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

const canary = "c4n/4ry+\"hush\" ünd & so<on>?"

// spelt is the canary in every encoding, alone and within other text.
func spelt(secret string) map[string]string {
	out := map[string]string{
		"raw": secret, "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "lower": lowerEscapes(url.QueryEscape(secret)),
		"quoted": fmt.Sprintf("%q", secret), "ascii": fmt.Sprintf("%+q", secret),
	}
	tight, _ := json.Marshal(map[string]string{"token": secret})
	out["json"] = string(tight)
	for i := range 4 {
		for k, e := range map[string]*base64.Encoding{"std": base64.StdEncoding, "url": base64.URLEncoding, "rawstd": base64.RawStdEncoding, "rawurl": base64.RawURLEncoding} {
			out[fmt.Sprintf("base64 %s %d", k, i)] = e.EncodeToString([]byte(strings.Repeat("x", i) + secret + strings.Repeat("y", i/2)))
		}
	}
	return out
}

func TestMaskEncodings(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{canary, "abcdef", "0123456", "sk-01234567", strings.Repeat("long ", 100), "ÿþýüûúù", `back\slash"s`} {
		m := NewMask()
		m.Keep(secret)
		for how, text := range spelt(secret) {
			for _, around := range []string{"%s", "before %s after", `{"a":"%s"}`} {
				whole := fmt.Sprintf(around, text)
				got := m.String(whole)
				if !strings.Contains(got, Masked) {
					t.Errorf("%s is not masked: %s", how, got)
					continue
				}
				if again := m.String(got); again != got {
					t.Errorf("%s is masked twice: %s", how, again)
				}
				if leak := leaked(secret, strings.NewReplacer("before ", "", " after", "", Masked, " ", `"a"`, "", `"token"`, "").Replace(got)); leak != "" {
					t.Errorf("%s leaks %q: %s", how, leak, got)
				}
			}
		}
		if got := m.String("nothing of it here, and … no more than one expects"); strings.Contains(got, Masked) {
			t.Error(got)
		}
	}
}

// leaked gives a piece of the secret that text tells, raw or in base64.
func leaked(secret, text string) string {
	for _, word := range strings.Fields(text) {
		for shift := range 4 {
			if raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(word[min(shift, len(word)):], "=")); err == nil {
				text += " " + string(raw)
			}
		}
	}
	for i := 0; i+3 <= len(secret); i++ {
		if piece := secret[i : i+3]; strings.Contains(text, piece) && strings.TrimLeft(piece, "xy ") != "" {
			return piece
		}
	}
	return ""
}

// TestMaskOverlaps: values that overlap are both gone, the longer one whole.
func TestMaskOverlaps(t *testing.T) {
	t.Parallel()
	m := NewMask()
	for _, v := range []string{"abcdefgh", "efghijkl", "abcdefghijklmnop", "qrstuvw"} {
		m.Keep(v)
	}
	for text, want := range map[string]string{
		"-abcdefghijkl-": "-•••-", "abcdefgh": "•••", "abcdefghijklmnopqrstuvw": "•••", "abcdefgh qrstuvw.": "••• •••.",
		"abcdefg": "abcdefg", "": "", "abc": "abc", "xabcdefghx abcdefghx": "x•••x •••x", "abcdefghabcdefgh": "•••",
		"cut abcdefghijkl": "cut •••", "cut off: qrstuv…": "cut off: •••…", "cut off: qrstuv": "cut off: qrstuv", "cut off: qrstu…": "cut off: qrstu…", "cut: efghij...": "cut: •••...",
	} {
		if got := m.String(text); got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
		if got := m.Bytes([]byte(text)); string(got) != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}

func TestMaskLines(t *testing.T) {
	t.Parallel()
	m := NewMask()
	m.Keep("-----BEGIN KEY-----\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEF\nAB\n-----END KEY-----\n")
	for _, line := range []string{"MIIEvQIBADANBg", "plugin says kqhkiG9w0BAQEF!", base64.StdEncoding.EncodeToString([]byte("kqhkiG9w0BAQEF"))} {
		if got := m.String(line); !strings.Contains(got, Masked) {
			t.Error(got)
		}
	}
	if got := m.String("AB"); got != "AB" {
		t.Error(got)
	}
}

func TestMaskValues(t *testing.T) {
	t.Parallel()
	m := NewMask()
	if got := m.String("anything at all"); got != "anything at all" {
		t.Error(got)
	}
	m.Add(sdk.Values{"a": []any{"first-one", true, nil}, "b": map[string]any{"c": json.Number("12345678"), "d": sdk.Artifact{Name: "not a secret"}}})
	m.Add("short")
	m.Keep("")
	if got := m.String("first-one short 12345678 not a secret"); got != "••• short ••• not a secret" {
		t.Error(got)
	}
}

// TestMaskForgets: values of tasks go when many others have come, secrets never.
func TestMaskForgets(t *testing.T) {
	t.Parallel()
	m := NewMask()
	m.Keep("kept for ever")
	for i := range 5*maxValues/2 + 1 {
		m.Add(fmt.Sprintf("value-%06d", i))
		m.Add("used all the time")
	}
	if len(m.values) > 2*maxValues {
		t.Errorf("%d values", len(m.values))
	}
	for text, masked := range map[string]bool{"kept for ever": true, "used all the time": true, "value-000001": false, fmt.Sprintf("value-%06d", 5*maxValues/2): true} {
		if got := m.String(text) == Masked; got != masked {
			t.Errorf("%s: masked is %v", text, got)
		}
	}
}

// TestMaskHammer is for the race detector.
func TestMaskHammer(t *testing.T) {
	t.Parallel()
	m := NewMask()
	m.Keep("kept for ever")
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				m.Add(fmt.Sprintf("value-%d-%d", g, i))
				if got := m.String("it is kept for ever"); got != "it is •••" {
					t.Error(got)
				}
			}
		})
	}
	all.Wait()
}

func FuzzMask(f *testing.F) {
	f.Add("secret-value", "before ", " after", uint8(3))
	f.Add("aaaaaaaa", "aaaa", "aaaaa…", uint8(8))
	f.Fuzz(func(t *testing.T, secret, before, after string, how uint8) {
		m := NewMask()
		m.Keep(secret)
		all := formsOf(secret)
		if len(secret) < MinLength {
			return
		}
		text := before + all[int(how)%len(all)].text + after
		got := m.String(text)
		if strings.Contains(strings.ReplaceAll(got, Masked, "\x00"), secret) || !strings.Contains(got, Masked) {
			t.Errorf("%q in %q became %q", secret, text, got)
		}
	})
}

func TestHandler(t *testing.T) {
	t.Parallel()
	m := NewMask()
	m.Keep("hush-hush")
	var out bytes.Buffer
	log := slog.New(m.Handler(slog.NewJSONHandler(&out, nil))).With("base", "hush-hush").WithGroup("g")
	log.Info("say hush-hush", "text", "hush-hush!", "err", errors.New("no hush-hush"), "n", 3, "any", map[string]any{"a": "hush-hush"}, slog.Group("in", "x", "hush-hush"), "lazy", lazy{})
	if got := out.String(); strings.Contains(got, "hush") || strings.Count(got, Masked) != 7 || !strings.Contains(got, `"n":3`) {
		t.Error(got)
	}
}

type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.StringValue("hush-hush") }

// BenchmarkMask is a line of 200 bytes and 50 secrets.
func BenchmarkMask(b *testing.B) {
	for _, n := range []int{0, 1, 50, maxValues} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := NewMask()
			r := rand.New(rand.NewPCG(1, 2))
			for range n {
				m.Keep(fmt.Sprintf("sk-%016x%016x", r.Uint64(), r.Uint64()))
			}
			line := strings.Repeat("frame 12 of 300: 0.4 s, 1.2 GiB at GPU-0; ", 5)[:200]
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				if m.String(line) != line {
					b.Fatal("masked")
				}
			}
		})
	}
}
