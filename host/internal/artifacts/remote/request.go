package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// lasting is an error that asking again does not mend.
type lasting struct{ error }

func (l lasting) Unwrap() error { return l.error }

// statusError is an answer of the host other than what was asked for.
type statusError struct {
	error
	status int
}

// errStalled is why a transfer is broken off that stands still.
var errStalled = errors.New("nothing came over for too long")

// request prepares one for the host as it is reached now.
func (s *Store) request(ctx context.Context, method string, query url.Values, elems ...string) (*http.Request, error) {
	base, token, err := s.Host(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask where host %s is: %w", s.Name, err)
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, lasting{fmt.Errorf("host %s: its address %q is no http or https URL", s.Name, base)}
	}
	u = u.JoinPath(elems...)
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, lasting{fmt.Errorf("host %s: %w", s.Name, err)}
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept-Encoding", "identity") // ranges and lengths are the artifact's
	return r, nil
}

// send gives an answer with one of the wanted statuses. Whatever else comes is an error that says what to do.
func (s *Store) send(r *http.Request, want ...int) (*http.Response, error) {
	resp, err := s.Client.Do(r)
	if err != nil {
		if cause := context.Cause(r.Context()); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("host %s: %w", s.Name, err)
	}
	for _, w := range want {
		if resp.StatusCode == w {
			return resp, nil
		}
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
	return nil, refused(s.Name, resp.StatusCode, strings.TrimSpace(string(said)))
}

// refused says what an answer means, and whether it will be another one later.
func refused(host string, status int, said string) error {
	if said == "" {
		said = http.StatusText(status)
	}
	err := error(statusError{fmt.Errorf("host %s answered %d: %s", host, status, said), status})
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		err = fmt.Errorf("%w: check this agent's token, or join the host again with spinbot agent --join", err)
	case http.StatusInsufficientStorage:
		err = fmt.Errorf("%w: free space on the host, then try again", err)
	case http.StatusNotFound: // not absent, or its header would say so: a proxy whose host is down, or another address
		return fmt.Errorf("%w: no host of this version answers there", err)
	case http.StatusConflict, http.StatusLocked, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return err
	}
	if status < 400 || status >= 500 && status != http.StatusInsufficientStorage {
		return err
	}
	return lasting{err}
}

func lasts(err error) bool {
	var l lasting
	return errors.As(err, &l)
}

// retry does it until it succeeds, fails for good, or ctx ends.
func (s *Store) retry(ctx context.Context, do func() (moved bool, err error)) error {
	for attempt := 0; ; attempt++ {
		moved, err := do()
		if moved {
			attempt = 0
		}
		var l lasting
		switch {
		case err == nil:
			return nil
		case errors.As(err, &l):
			return l.error
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), err)
		}
		if werr := s.wait(ctx, attempt); werr != nil {
			return errors.Join(werr, err)
		}
	}
}

// backoff waits longer each time, up to half a minute, and never as long as others who began to wait with it.
func backoff(ctx context.Context, attempt int) error {
	most := min(30*time.Second, 200*time.Millisecond<<min(attempt, 10))
	t := time.NewTimer(most/4 + rand.N(3*most/4))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watch gives a context that ends when nothing happens for too long. Call alive at whatever happens.
func watch(ctx context.Context, stall time.Duration) (watched context.Context, alive func(stall time.Duration), end func()) {
	watched, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(stall, func() { cancel(errStalled) })
	return watched, func(d time.Duration) { t.Reset(d) }, func() { t.Stop(); cancel(nil) }
}
