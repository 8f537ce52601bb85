// Package grant says what a control node may do beyond computing: the grants that this machine gave a node type, and
// whether one of them covers a request. Its words: a node type asks for a grant by declaring its name; a person gives it
// to the node type on one machine; what counts is what was both asked for and given. It does no I/O.
package grant

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// The names of grants that a person gives. Logging, progress, the frozen clock and seeded randomness need none.
const (
	HTTP   = "http"
	Secret = "secret"
	KV     = "kv"
)

// Names lists them, in the order in which they are shown.
var Names = []string{HTTP, Secret, KV}

// Set is what one node type was given; what is nil was not.
type Set struct {
	HTTP   *Web
	Secret *Secrets
	KV     *Store
}

// Web lets a node type send HTTP requests.
type Web struct {
	// Hosts are "api.example.com" (the scheme's own port), "*.example.org:8443" (any name below), "[::1]:8080", or "*"
	// (any host; none of them is sent a secret).
	Hosts []string
	// Methods are upper case; empty means GET and HEAD.
	Methods []string
	// MaxRequest and MaxResponse bound bodies in bytes, the response's after decompression; 0: DefaultBody.
	MaxRequest, MaxResponse int64
	// Timeout is for one request with its redirects; 0: DefaultTimeout.
	Timeout time.Duration
	// Private lets the hosts have addresses of this machine and its networks.
	Private bool
}

// Secrets lets a node type name secrets that the host puts into its requests.
type Secrets struct{ Names []string }

// Store lets a node type keep state between tasks of one pipeline.
type Store struct {
	// Max is how many bytes one node of one pipeline may keep; 0: DefaultStore.
	Max int64
}

// What a grant means that does not say, and the most that it can say.
const (
	DefaultBody    = 1 << 20
	MostBody       = 16 << 20
	DefaultTimeout = 10 * time.Second
	MostTimeout    = 10 * time.Minute
	DefaultStore   = 64 << 10
	MostStore      = 4 << 20
)

// DefaultMethods are those of a grant that names none.
var DefaultMethods = []string{"GET", "HEAD"}

// Has says whether the grant of that name was given.
func (s Set) Has(name string) bool {
	switch name {
	case HTTP:
		return s.HTTP != nil
	case Secret:
		return s.Secret != nil
	case KV:
		return s.KV != nil
	}
	return false
}

// Empty says whether nothing was given.
func (s Set) Empty() bool { return s == Set{} }

// Only gives what was given and is asked for too.
func (s Set) Only(asked []string) Set {
	if !slices.Contains(asked, HTTP) {
		s.HTTP = nil
	}
	if !slices.Contains(asked, Secret) {
		s.Secret = nil
	}
	if !slices.Contains(asked, KV) {
		s.KV = nil
	}
	return s
}

// Missing gives the names that are asked for, have to be given, and were not.
func (s Set) Missing(asked []string) []string {
	var out []string
	for _, name := range Names {
		if slices.Contains(asked, name) && !s.Has(name) {
			out = append(out, name)
		}
	}
	return out
}

// Command gives what a person types to give the grant. Options are what is known of what is wanted: "--host x".
func Command(nodeType, name string, options ...string) string {
	if len(options) == 0 {
		switch name {
		case HTTP:
			options = []string{"--host HOST"}
		case Secret:
			options = []string{"--name SECRET"}
		}
	}
	return strings.Join(append([]string{"spinbot plugins grant", nodeType, name}, options...), " ")
}

// Check says everything that is wrong with a set.
func (s Set) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.HTTP != nil {
		errs = append(errs, s.HTTP.check())
	}
	if s.Secret != nil {
		if len(s.Secret.Names) == 0 {
			bad("secret: it names no secret")
		}
		for _, name := range s.Secret.Names {
			if !sdk.IsName(name) {
				bad("secret: %q is no secret's name; write it like openai", name)
			}
		}
	}
	if s.KV != nil && (s.KV.Max < 0 || s.KV.Max > MostStore) {
		bad("kv: max is %s; at most %s can be kept", sdk.FormatSize(s.KV.Max), sdk.FormatSize(MostStore))
	}
	return errors.Join(errs...)
}

func (w *Web) check() error {
	var errs []error
	if len(w.Hosts) == 0 {
		errs = append(errs, errors.New("http: it names no host; write one like api.example.com"))
	}
	for _, h := range w.Hosts {
		if _, err := parsePattern(h); err != nil {
			errs = append(errs, fmt.Errorf("http: host %q %w", h, err))
		}
	}
	for _, m := range w.Methods {
		if !IsMethod(m) {
			errs = append(errs, fmt.Errorf("http: %q is no method that can be granted; write it like GET or POST", m))
		}
	}
	for name, n := range map[string]int64{"max_request": w.MaxRequest, "max_response": w.MaxResponse} {
		if n < 0 || n > MostBody {
			errs = append(errs, fmt.Errorf("http: %s is %s; at most %s cross", name, sdk.FormatSize(n), sdk.FormatSize(MostBody)))
		}
	}
	if w.Timeout < 0 || w.Timeout > MostTimeout {
		errs = append(errs, fmt.Errorf("http: timeout is %s; at most %s are waited for", w.Timeout, MostTimeout))
	}
	return errors.Join(errs...)
}

// IsMethod says whether a request may have that method at all: CONNECT and TRACE are for proxies and never granted.
func IsMethod(m string) bool {
	if m == "" || len(m) > 20 || m == "CONNECT" || m == "TRACE" {
		return false
	}
	return strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// Filled gives a copy with what it does not say.
func (w Web) Filled() Web {
	if len(w.Methods) == 0 {
		w.Methods = DefaultMethods
	}
	if w.MaxRequest == 0 {
		w.MaxRequest = DefaultBody
	}
	if w.MaxResponse == 0 {
		w.MaxResponse = DefaultBody
	}
	if w.Timeout == 0 {
		w.Timeout = DefaultTimeout
	}
	return w
}

// Limit gives how many bytes may be kept.
func (s Store) Limit() int64 {
	if s.Max == 0 {
		return DefaultStore
	}
	return s.Max
}
