package provenance

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

func key(seed byte) (ed25519.PrivateKey, ed25519.PublicKey) {
	k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize)))
	return k, k.Public().(ed25519.PublicKey)
}

func statement(t *testing.T) []byte {
	t.Helper()
	p := Predicate{Run: "run_1", Made: "run_1/node.a/1", Steps: []Step{{At: "run_1/node.a/1", Type: "test.make", Seed: "18446744073709551615", Set: "7"}}}
	p.AddModels([]sdk.UsedModel{{Name: "checkpoints/a", Digest: "sha256:01", Licence: "cc-by-nc-4.0"}, {Name: "loras/b"}})
	p.AddModels([]sdk.UsedModel{{Name: "checkpoints/a", Digest: "sha256:01"}, {Name: "checkpoints/a", Digest: "sha256:02"}})
	if len(p.Models) != 3 || p.Models[0].Licence.Commercial != "no" || p.Models[1].Digest != nil {
		t.Errorf("%+v", p.Models)
	}
	raw, err := Encode(sdk.Artifact{Name: "a.png", Digest: "sha256:ab"}, p)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	private, public := key('a')
	_, other := key('b')
	raw := statement(t)
	e := Sign(raw, private)
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back, s, err := Read(text)
	if err != nil || !reflect.DeepEqual(back, e) || s.Subject[0].SHA256() != "sha256:ab" || s.Predicate.Steps[0].Set != "7" {
		t.Errorf("%+v %+v %v", back, s, err)
	}
	if k, err := back.Verify([]ed25519.PublicKey{other, public}); err != nil || !k.Equal(public) {
		t.Error(err)
	}
	if _, err := back.Verify([]ed25519.PublicKey{other}); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
	altered := back
	altered.Payload = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(raw), "run_1", "run_2", 1)))
	retyped := back
	retyped.PayloadType = "text/plain"
	unsigned := back
	unsigned.Signatures = []Signature{{KeyID(public), "?"}}
	for _, bad := range []Envelope{altered, retyped, unsigned} {
		if _, err := bad.Verify([]ed25519.PublicKey{public}); !errors.Is(err, ErrAltered) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := (Envelope{Payload: "?"}).Verify(nil); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	// DSSE's own example: the encoding that is signed
	if got, want := string(signed("http://example.com/HelloWorld", []byte("hello world"))), "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("%q", got)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	payload := func(text string) string {
		raw, _ := json.Marshal(Envelope{PayloadType, base64.StdEncoding.EncodeToString([]byte(text)), []Signature{{"k", "s"}}})
		return string(raw)
	}
	for _, text := range []string{"", "x", "{}", `{"payloadType":"text/plain","signatures":[{}]}`, `{"payloadType":"` + PayloadType + `","payload":"?","signatures":[{}]}`,
		payload("x"), payload("{}"), payload(`{"_type":"` + StatementType + `","predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"ab"}}]}`),
		payload(`{"_type":"` + StatementType + `","predicateType":"` + PredicateType + `","subject":[{"digest":{}}]}`)} {
		if _, _, err := Read([]byte(text)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	_, a := key('a')
	_, b := key('b')
	text := EncodeKeys([]ed25519.PublicKey{a, b})
	if keys, err := DecodeKeys([]byte("of the studio:\n" + text)); err != nil || len(keys) != 2 || !keys[1].Equal(b) {
		t.Errorf("%v %v", keys, err)
	}
	rsa := "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ=="
	der, err := base64.StdEncoding.DecodeString(rsa)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"": "no public key", "x": "no public key",
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})): "public keys only",
		string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: []byte("x")})):   "damaged",
		string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der})):           "not of Ed25519"} {
		if _, err := DecodeKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
