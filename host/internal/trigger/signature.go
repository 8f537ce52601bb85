package trigger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers that a request is signed in: one of them has to be there. Names are in lower case.
const (
	// headerGitHub holds "sha256=" and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub sends it.
	headerGitHub = "x-hub-signature-256"
	// headerTimed holds "t=<seconds since 1970>,v1=<HMAC-SHA256 of that number, a dot and the body>". Several v1 may
	// stand there, while a secret is being replaced.
	headerTimed = "x-spinbot-signature"
)

// patience is how far the time in a signature may be from now.
const patience = 5 * time.Minute

// ErrSignature says that a request is not signed with the trigger's secret.
var ErrSignature = errors.New("the request is not signed with the trigger's secret")

// verify checks a request's signature. key tells the same signed request again; empty when the signature says nothing of
// time, and equal requests may be meant to be two.
func verify(secret string, headers map[string]string, body []byte, now time.Time) (key string, err error) {
	if timed := headers[headerTimed]; timed != "" {
		return verifyTimed(secret, timed, body, now)
	}
	digits, ok := strings.CutPrefix(headers[headerGitHub], "sha256=")
	switch {
	case headers[headerGitHub] == "":
		return "", fmt.Errorf("%w: it has neither X-Hub-Signature-256 nor X-Spinbot-Signature", ErrSignature)
	case !ok || !signed(secret, digits, body):
		return "", ErrSignature
	}
	return "", nil
}

func verifyTimed(secret, header string, body []byte, now time.Time) (key string, err error) {
	when := ""
	var candidates []string
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			when = value
		case "v1":
			candidates = append(candidates, value)
		}
	}
	message := append([]byte(when+"."), body...)
	for _, digits := range candidates {
		if !signed(secret, digits, message) {
			continue
		}
		seconds, err := strconv.ParseInt(when, 10, 64)
		if apart := now.Sub(time.Unix(seconds, 0)); err != nil || apart > patience || apart < -patience {
			return "", fmt.Errorf("%w for this time: it is signed more than %d minutes from now", ErrSignature, int(patience.Minutes()))
		}
		return "signature:" + strings.ToLower(digits), nil
	}
	return "", ErrSignature
}

// signed compares in a time that says nothing about the secret.
func signed(secret, digits string, message []byte) bool {
	given, err := hex.DecodeString(digits)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(message)
	return hmac.Equal(given, mac.Sum(nil)) && err == nil
}
