// Package library keeps the assets of a host, or of all hosts that share a store: it is one record, which is read as it is and
// replaced as a whole. What assets are, and who may use them, core/asset says.
package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/store"
)

// Library is safe for concurrent use.
type Library struct {
	records store.Records

	changing sync.Mutex // a host keeps one thing under a name at a time

	mu   sync.Mutex
	raw  []byte         // as it was read last
	last *asset.Library // what that says
}

// New makes the library of what the records keep; it reads nothing yet.
func New(records store.Records) *Library { return &Library{records: records, last: &asset.Library{}} }

const (
	record  = "library"
	version = 1
)

type document struct {
	Version int `json:"version"`
	asset.Library
}

// Now gives the assets as they are: the same value as before when nothing has changed. It is not to be changed.
func (l *Library) Now(ctx context.Context) (*asset.Library, error) {
	raw, _, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Equal(raw, l.raw) {
		return l.last, nil
	}
	now, err := decode(raw)
	if err != nil {
		return nil, err
	}
	l.raw, l.last = raw, now
	return now, nil
}

func (l *Library) read(ctx context.Context) (raw []byte, revision int64, err error) {
	if raw, revision, err = l.records.Record(ctx, record); err != nil {
		return nil, 0, fmt.Errorf("the library of assets: %w", err)
	}
	return raw, revision, nil
}

func decode(raw []byte) (*asset.Library, error) {
	var d document
	if len(raw) == 0 {
		return &d.Library, nil
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return nil, fmt.Errorf("the library of assets is damaged: %w; put it back from a backup", err)
	}
	if d.Version != version {
		return nil, fmt.Errorf("the library of assets has version %d, this spinbot reads %d: update spinbot", d.Version, version)
	}
	return &d.Library, nil
}

// Change has fn change the assets, and keeps what it made of them. When another host was first, fn is called again with what
// that left. The error may be fn's, and then nothing has changed.
func (l *Library) Change(ctx context.Context, fn func(*asset.Library) error) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	for {
		raw, revision, err := l.read(ctx)
		if err != nil {
			return err
		}
		own, err := decode(raw) // Now has given the other away
		if err != nil {
			return err
		}
		if err := fn(own); err != nil {
			return err
		}
		if raw, err = json.Marshal(document{version, *own}); err != nil {
			return err
		}
		if err = l.records.Keep(ctx, record, raw, revision); !errors.Is(err, store.ErrConflict) || ctx.Err() != nil {
			return err
		}
	}
}
