package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

const clientID, clientSecret, callback = "spinbot", "of the client", "https://gpu.example/api/v1/session/oidc/callback"

// server is a provider of OpenID Connect: real signatures, single-use codes, PKCE, a client with a secret. Whoever comes is
// signed in at once.
type server struct {
	*httptest.Server
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // what was asked for, by code
	asked  int                   // for what it can do
	alg    string
	claims map[string]any // over those that are right
	down   bool
	kid    string
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func serve(t *testing.T) *server {
	t.Helper()
	s := &server{codes: map[string]url.Values{}, alg: "RS256", claims: map[string]any{}, kid: "1"}
	var err1, err2 error
	s.rsa, err1 = rsa.GenerateKey(rand.Reader, 2048)
	s.ec, err2 = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET /keys", s.keys)
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /token", s.token)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// set changes what it does from now on.
func (s *server) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func answer(w http.ResponseWriter, status int, x any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(x)
}

func (s *server) discovery(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	answer(w, 200, map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}, "subject_types_supported": []string{"public"}, "response_types_supported": []string{"code"}})
}

func (s *server) keys(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	point, _ := s.ec.PublicKey.Bytes()
	answer(w, 200, map[string]any{"keys": []any{
		map[string]any{"kty": "RSA", "kid": "RS256" + s.kid, "use": "sig", "n": b64(s.rsa.N.Bytes()), "e": b64(big.NewInt(int64(s.rsa.E)).Bytes())},
		map[string]any{"kty": "EC", "crv": "P-256", "kid": "ES256" + s.kid, "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])},
	}})
}

func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != clientID || q.Get("redirect_uri") != callback || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid profile groups" {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := rand.Text()
	s.codes[code] = q
	http.Redirect(w, r, callback+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (s *server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	asked, known := s.codes[r.FormValue("code")]
	delete(s.codes, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case s.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case id != clientID || secret != url.QueryEscape(clientSecret):
		answer(w, 401, map[string]any{"error": "invalid_client"})
	case !known || r.FormValue("grant_type") != "authorization_code" || b64(challenge[:]) != asked.Get("code_challenge") || r.FormValue("redirect_uri") != callback:
		answer(w, 400, map[string]any{"error": "invalid_grant"})
	default:
		now := time.Now()
		claims := map[string]any{"iss": s.URL, "sub": "7", "aud": clientID, "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"preferred_username": "anna", "groups": []string{"staff"}}
		maps.Copy(claims, s.claims)
		answer(w, 200, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": s.sign(claims)})
	}
}

// sign signs as alg says; swapped is another's signature, HS256 takes the public key for the secret.
func (s *server) sign(claims map[string]any) string {
	alg := s.alg
	if alg == "swapped" {
		alg = "RS256"
	}
	head, _ := json.Marshal(map[string]any{"alg": alg, "kid": alg + s.kid, "typ": "JWT"})
	body, _ := json.Marshal(claims)
	text := b64(head) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch s.alg {
	case "RS256":
		signature, _ = rsa.SignPKCS1v15(rand.Reader, s.rsa, crypto.SHA256, sum[:])
	case "ES256":
		r, v, _ := ecdsa.Sign(rand.Reader, s.ec, sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	case "HS256":
		m := hmac.New(sha256.New, s.rsa.N.Bytes())
		fmt.Fprint(m, text)
		signature = m.Sum(nil)
	case "swapped":
		other, _ := rsa.GenerateKey(rand.Reader, 2048)
		signature, _ = rsa.SignPKCS1v15(rand.Reader, other, crypto.SHA256, sum[:])
	}
	return text + "." + b64(signature)
}
