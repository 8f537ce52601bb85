package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"
)

// trip is what the browser takes along to the provider. Its cookie is HttpOnly: pages cannot read it.
type trip struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Back     string `json:"b"`
	Until    int64  `json:"u"` // seconds of Unix time
}

func (p *Provider) mac(body string) string {
	m := hmac.New(sha256.New, p.cfg.Key)
	m.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (p *Provider) sign(t trip) string {
	raw, _ := json.Marshal(t) // texts and a number
	body := base64.RawURLEncoding.EncodeToString(raw)
	return body + "." + p.mac(body)
}

// open reads a cookie that was signed with the key and that is not too old.
func (p *Provider) open(cookie string) (t trip, ok bool) {
	body, mac, _ := strings.Cut(cookie, ".")
	if !equal(mac, p.mac(body)) {
		return trip{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(raw, &t) != nil {
		return trip{}, false
	}
	return t, p.cfg.Now().Unix() < t.Until
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// printable is a text of somebody else's as it may stand in ours.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}
