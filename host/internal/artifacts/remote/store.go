package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// Config is how an agent reaches the artifacts of one host.
type Config struct {
	Cache *Cache
	// Name is the host's, the same after a restart: it names the folder of its pins.
	Name string
	// Host says where the host is and what token it takes. It is asked for each request.
	Host func(ctx context.Context) (baseURL, token string, err error)
	// Bucket is where the host keeps its artifacts, for an agent that may use it; nil: everything goes through the host. What it
	// cannot do goes through the host; Failed hears why, once for each while that it is left alone.
	Bucket artifacts.Store
	Failed func(error)
	// Client may be nil.
	Client *http.Client
	// Progress hears how many bytes of a download or an upload are over. It may be nil; it must not block.
	Progress func(digest string, done, total int64)
	// Stall is how long a transfer may stand still before it is begun anew where it broke off. 0: one minute.
	Stall time.Duration
}

// Store is an artifacts.Store whose artifacts are in the agent's cache and at the host.
type Store struct {
	Config

	bucket bucket
	wait   func(ctx context.Context, attempt int) error
}

var named = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// New makes the agent's side for one host.
func New(c Config) (*Store, error) {
	if c.Cache == nil || c.Host == nil {
		return nil, errors.New("artifacts of a host: Cache and Host are both needed")
	}
	if !named.MatchString(c.Name) {
		return nil, fmt.Errorf("artifacts of host %q: a host's name has up to 128 letters, digits, dashes, dots and underscores", c.Name)
	}
	if c.Client == nil {
		c.Client = http.DefaultClient
	}
	if c.Progress == nil {
		c.Progress = func(string, int64, int64) {}
	}
	if c.Stall == 0 {
		c.Stall = time.Minute
	}
	if c.Failed == nil {
		c.Failed = func(error) {}
	}
	s := &Store{Config: c, wait: backoff, bucket: bucket{store: c.Bucket, failed: c.Failed, now: time.Now}}
	return s, s.makePins()
}

// Put implements artifacts.Store. The artifact is pinned until Unpin; Upload brings it to the host.
func (s *Store) Put(ctx context.Context, r io.Reader, hint sdk.Artifact) (sdk.Artifact, error) {
	a, err := s.Cache.Store.Put(ctx, r, hint)
	if err == nil {
		err = s.pin(a.Digest)
	}
	if err != nil {
		return sdk.Artifact{}, err
	}
	return a, nil
}

// Open implements artifacts.Store. What is not here is waited for until ctx ends, unless the host refuses in a way that lasts;
// artifacts.Waiting hears of each try that failed.
func (s *Store) Open(ctx context.Context, digest string) (r io.ReadSeekCloser, err error) {
	err = s.here(ctx, digest, func() error {
		r, err = s.Cache.Store.Open(ctx, digest)
		return err
	})
	return r, err
}

// Fetch implements artifacts.Store, and waits as Open does.
func (s *Store) Fetch(ctx context.Context, digest, path string) error {
	return s.here(ctx, digest, func() error { return s.Cache.Store.Fetch(ctx, digest, path) })
}

// here uses an artifact that is in the cache, and gets it there first if need be.
func (s *Store) here(ctx context.Context, digest string, use func() error) error {
	err := s.Cache.Keeper.Touch(ctx, digest)
	if err == nil {
		err = use()
	}
	if !errors.Is(err, artifacts.ErrNotFound) {
		return err
	}
	if err := s.Cache.obtain(ctx, s, digest); err != nil {
		return err
	}
	return use()
}
