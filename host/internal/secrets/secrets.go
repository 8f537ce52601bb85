// Package secrets owns what must not be seen: where secrets come from (the environment, files, a command), how
// sensitive values are sealed with the key of this host before they are stored, and how their text is masked in what
// nodes and the host say. Its words are those of DESIGN: a secret is a value that a pipeline refers to by name; a
// sensitive value is one that was made of it, or declared so. It refuses secrets that are too short to be masked, key
// and secret files that others can read, and values that another host's key has sealed.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// Bounds of a secret in bytes. A shorter one cannot be told from ordinary text, so it could not be masked; and it can be
// guessed.
const (
	MinLength = 6
	MaxLength = 64 << 10
)

// Config says where a vault's key and its secrets are.
type Config struct {
	// KeyFile is made when it is first needed; empty: the key is kept in memory alone.
	KeyFile string
	// Dir is the folder of the secrets that Set stores, one file each.
	Dir string
	// Files are further files, and Commands what prints a secret, by the secret's name.
	Files    map[string]string
	Commands map[string][]string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Timeout of a command; 0: 10 s.
	Timeout time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Looking is for whoever looks at runs and does nothing: no key is made, no command is run, and what is wrong is said
	// as it is to somebody who looks.
	Looking bool
}

// Vault gives secrets and seals values. It is safe for concurrent use.
type Vault struct {
	cfg  Config
	key  keyFile
	mask *Mask

	passing keyFile // kept in memory alone, for Looking

	mu      sync.Mutex
	printed map[string]printed // what commands printed last, by secret
}

// New makes a vault. It knows the secrets that stand ready, so that they are masked from the start.
func New(cfg Config) *Vault {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	v := &Vault{cfg: cfg, key: keyFile{path: cfg.KeyFile}, mask: NewMask(), printed: map[string]printed{}}
	for _, k := range v.List() {
		if k.From != FromCommand && k.Problem == "" {
			_, _ = v.Secret(k.Name) // what is wrong with it is said when it is asked for
		}
	}
	return v
}

// Mask takes the vault's secrets, and the sensitive values that it was told of, out of text.
func (v *Vault) Mask() *Mask { return v.mask }

// From says where a secret comes from.
type From string

// Where secrets come from, those first that go before others.
const (
	FromEnvironment From = "environment"
	FromCommand     From = "command"
	FromFile        From = "file"
	FromStore       From = "store" // the state directory: spinbot secrets set
)

// EnvPrefix begins the names of the environment variables that hold secrets.
const EnvPrefix = "SPINBOT_SECRET_"

// EnvName is the environment variable that holds the secret of that name.
func EnvName(name string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Error says what is wrong with a secret, and what to do about it.
type Error struct {
	Name, Message string

	cause error
}

// Error names the secret.
func (e *Error) Error() string { return fmt.Sprintf("secret %q %s", e.Name, e.Message) }

// Unwrap gives the error of the system behind it, if any.
func (e *Error) Unwrap() error { return e.cause }

func problem(name, format string, args ...any) error {
	return &Error{Name: name, Message: fmt.Sprintf(format, args...)}
}

// missing tells all ways to give a secret.
func missing(name string) error {
	return problem(name, "is not there: store it with \"spinbot secrets set %s\", or set %s in the host's environment, or name the command that prints it with --secrets-command %s='…'",
		name, EnvName(name), name)
}

// Secret gives a secret's value as it is now: files are read anew, of a command what it printed last. It waits for
// nothing but a disk.
func (v *Vault) Secret(name string) (string, error) {
	if !sdk.IsName(name) {
		return "", problem(name, "is no name")
	}
	value, err := v.find(name)
	if err == nil {
		err = check(name, value)
	}
	if err != nil {
		return "", err
	}
	v.mask.Keep(value)
	return value, nil
}

// Value resolves a secret, and gives it as it is now.
func (v *Vault) Value(ctx context.Context, name string) (string, error) {
	if err := v.Resolve(ctx, []string{name}); err != nil {
		return "", err
	}
	return v.Secret(name)
}

// find looks where a secret may be, in the order of From.
func (v *Vault) find(name string) (string, error) {
	if value, ok := v.lookupEnv(EnvName(name)); ok {
		return value, nil
	}
	if v.cfg.Looking && v.cfg.Commands[name] != nil {
		return "", problem(name, "is printed by a command, which is not run to look at a run")
	}
	if v.cfg.Commands[name] != nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		p, ok := v.printed[name]
		if !ok {
			return "", problem(name, "has not been asked for yet: resume the run")
		}
		return p.value, p.err
	}
	if path := v.cfg.Files[name]; path != "" {
		return readFile(name, path)
	}
	value, err := readFile(name, filepath.Join(v.cfg.Dir, name))
	if errors.Is(err, os.ErrNotExist) && v.cfg.Looking {
		return "", problem(name, "is not on this machine")
	}
	if errors.Is(err, os.ErrNotExist) {
		return "", missing(name)
	}
	return value, err
}

func (v *Vault) lookupEnv(name string) (string, bool) {
	for _, kv := range v.cfg.Environ {
		if k, value, _ := strings.Cut(kv, "="); k == name && value != "" {
			return value, true
		}
	}
	return "", false
}

// check refuses what cannot be kept secret, or cannot be a value.
func check(name, value string) error {
	switch {
	case len(value) < MinLength:
		return problem(name, "is only %d bytes long: one shorter than %d cannot be told from ordinary text, so it could not be masked in logs", len(value), MinLength)
	case len(value) > MaxLength:
		return problem(name, "is longer than %d KiB: give a node its file instead", MaxLength>>10)
	case !utf8.ValidString(value):
		return problem(name, "is not text: store it in base64, and use base64decode or let the node decode it")
	}
	return nil
}

// Resolve makes sure that the secrets are there, and runs the commands of those that need it. All that is wrong is told
// at once.
func (v *Vault) Resolve(ctx context.Context, names []string) error {
	v.runCommands(ctx, names)
	var errs []error
	for _, name := range names {
		_, err := v.Secret(name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Known is a secret that could be given.
type Known struct {
	Name string `json:"name"`
	From From   `json:"from"`
	// Where is the variable, the file or the command.
	Where string `json:"where"`
	// Problem says why it cannot be used; a command is not tried.
	Problem string `json:"problem,omitempty"`
}

// List gives the secrets that there are, by name; never their values. Of several that have one name the one that is used
// comes first.
func (v *Vault) List() []Known {
	var out []Known
	add := func(name string, from From, where string, err error) {
		k := Known{Name: name, From: from, Where: where}
		if err != nil {
			k.Problem = err.Error()
		}
		out = append(out, k)
	}
	for _, kv := range v.cfg.Environ {
		if k, value, _ := strings.Cut(kv, "="); strings.HasPrefix(k, EnvPrefix) && value != "" {
			name := strings.ToLower(strings.TrimPrefix(k, EnvPrefix))
			add(name, FromEnvironment, k, check(name, value))
		}
	}
	for name, argv := range v.cfg.Commands {
		add(name, FromCommand, strings.Join(argv, " "), nil)
	}
	for name, path := range v.cfg.Files {
		add(name, FromFile, path, checkFile(name, path))
	}
	var names []os.DirEntry
	var err error
	if v.cfg.Dir != "" {
		names, err = os.ReadDir(v.cfg.Dir)
	}
	for _, e := range names {
		if sdk.IsName(e.Name()) && err == nil {
			path := filepath.Join(v.cfg.Dir, e.Name())
			add(e.Name(), FromStore, path, checkFile(e.Name(), path))
		}
	}
	order := []From{FromEnvironment, FromCommand, FromFile, FromStore}
	slices.SortStableFunc(out, func(a, b Known) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return slices.Index(order, a.From) - slices.Index(order, b.From)
	})
	return out
}
