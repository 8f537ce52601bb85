// Package oidctest is a provider of OpenID Connect for tests: real signatures, single-use codes, PKCE, a client with a secret.
// Whoever comes is signed in at once. It can be told to say what is wrong.
package oidctest

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

// The client that it knows.
const (
	ClientID     = "spinbot"
	ClientSecret = "of the client"
)

// Says is what it says, and how.
type Says struct {
	Callback string // where it sends browsers back to
	// Alg is RS256, ES256, HS256 with the public key for the secret, none, or swapped: RS256 with another's key.
	Alg    string
	Claims map[string]any // over those that are right: anna, of the group staff
	Keys   string         // what its keys are called
	Down   bool
}

// Server is the provider.
type Server struct {
	*httptest.Server
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey

	mu    sync.Mutex
	says  Says
	codes map[string]url.Values // what was asked for, by code
	asked int
}

// Start starts one, which ends with the test.
func Start(t testing.TB, callback string) *Server {
	t.Helper()
	s := &Server{codes: map[string]url.Values{}, says: Says{Alg: "RS256", Callback: callback, Keys: "1"}}
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

// Set changes what it says from now on.
func (s *Server) Set(change func(*Says)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.says)
}

// Asked says how often it was asked what it can do.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func answer(w http.ResponseWriter, status int, x any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(x)
}

func (s *Server) discovery(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.says.Down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	answer(w, 200, map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}, "subject_types_supported": []string{"public"}, "response_types_supported": []string{"code"}})
}

func (s *Server) keys(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	point, _ := s.ec.PublicKey.Bytes()
	answer(w, 200, map[string]any{"keys": []any{
		map[string]any{"kty": "RSA", "kid": "RS256" + s.says.Keys, "use": "sig", "n": b64(s.rsa.N.Bytes()), "e": b64(big.NewInt(int64(s.rsa.E)).Bytes())},
		map[string]any{"kty": "EC", "crv": "P-256", "kid": "ES256" + s.says.Keys, "use": "sig", "x": b64(point[1:33]), "y": b64(point[33:])},
	}})
}

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Get("client_id") != ClientID || q.Get("redirect_uri") != s.says.Callback || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "openid profile groups" {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	s.codes[code] = q
	http.Redirect(w, r, s.says.Callback+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	asked, known := s.codes[r.FormValue("code")]
	delete(s.codes, r.FormValue("code"))
	challenge := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case s.says.Down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case id != ClientID || secret != url.QueryEscape(ClientSecret):
		answer(w, 401, map[string]any{"error": "invalid_client"})
	case !known || r.FormValue("grant_type") != "authorization_code" || b64(challenge[:]) != asked.Get("code_challenge") || r.FormValue("redirect_uri") != s.says.Callback:
		answer(w, 400, map[string]any{"error": "invalid_grant"})
	default:
		now := time.Now()
		claims := map[string]any{"iss": s.URL, "sub": "7", "aud": ClientID, "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"preferred_username": "anna", "groups": []string{"staff"}}
		maps.Copy(claims, s.says.Claims)
		answer(w, 200, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": s.sign(claims)})
	}
}

func (s *Server) sign(claims map[string]any) string {
	alg := s.says.Alg
	if alg == "swapped" {
		alg = "RS256"
	}
	head, _ := json.Marshal(map[string]any{"alg": alg, "kid": alg + s.says.Keys, "typ": "JWT"})
	body, _ := json.Marshal(claims)
	text := b64(head) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch s.says.Alg {
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
