package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

const (
	// removal is the most that one takes: then its remover gives up.
	removal = 30 * time.Second
	// forgotten is for how long one can be seen whose remover has died. Each looks at its own clock.
	forgotten = 2 * removal
	// grain is how exactly S3 says when an object was written.
	grain = time.Second
	// pause is between two looks at a removal.
	pause = 20 * time.Millisecond
)

// Touch implements artifacts.Keeper.
func (s *Store) Touch(ctx context.Context, digest string) error {
	hexa, err := name(digest)
	if err != nil {
		return err
	}
	_, err = s.stat(ctx, s.blob(hexa))
	if err == nil {
		err = s.touch(ctx, hexa, time.Now())
	}
	if err == nil {
		err = s.settled(ctx, hexa)
	}
	return s.about("touch", digest, err)
}

// touch writes down that the artifact was touched then. Each time is an object of its own, since what is written last is not always the
// newest; older ones go.
func (s *Store) touch(ctx context.Context, hexa string, now time.Time) error {
	before, err := s.touched(ctx, hexa)
	if err == nil {
		_, err = s.client.PutObject(ctx, s.cfg.Bucket, s.touchKey(hexa, now), bytes.NewReader(nil), 0, minio.PutObjectOptions{})
	}
	for _, t := range before {
		if err == nil && t.Before(now) {
			err = s.drop(ctx, s.touchKey(hexa, t))
		}
	}
	return err
}

func (s *Store) touchKey(hexa string, t time.Time) string {
	return fmt.Sprintf("%s%s/%019d", s.touches(), hexa, t.UnixNano())
}

// touchOf reads a key of touch.
func (s *Store) touchOf(key string) (hexa string, t time.Time, ok bool) {
	hexa, at, _ := strings.Cut(strings.TrimPrefix(key, s.touches()), "/")
	ns, err := strconv.ParseInt(at, 10, 64)
	return hexa, time.Unix(0, ns), err == nil
}

// touched says when the artifact was touched, as far as it is still known.
func (s *Store) touched(ctx context.Context, hexa string) (all []time.Time, err error) {
	err = s.list(ctx, s.touches()+hexa+"/", func(o minio.ObjectInfo) bool {
		if _, t, ok := s.touchOf(o.Key); ok {
			all = append(all, t)
		}
		return true
	})
	return all, err
}

// settled waits until nobody removes the artifact, and says whether it is there then.
func (s *Store) settled(ctx context.Context, hexa string) error {
	var seen time.Time // the removal that is waited for, by when its remover began
	var since time.Time
	for {
		began, err := s.stat(ctx, s.going(hexa))
		if err == nil && !began.Equal(seen) {
			seen, since = began, time.Now()
		}
		if err == nil && time.Since(since) > s.patience {
			err = s.drop(ctx, s.going(hexa))
		}
		if absent(err) {
			_, err = s.stat(ctx, s.blob(hexa))
			return err
		}
		if err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Remove implements artifacts.Keeper.
func (s *Store) Remove(ctx context.Context, digest string, before time.Time) (bool, error) {
	hexa, err := name(digest)
	if err != nil {
		return false, err
	}
	s.removing.Lock()
	defer s.removing.Unlock()
	ctx, cancel := context.WithTimeout(ctx, removal)
	defer cancel()
	removed, err := s.remove(ctx, hexa, before)
	if absent(err) {
		return false, nil
	}
	return removed, s.about("remove", digest, err)
}

func (s *Store) remove(ctx context.Context, hexa string, before time.Time) (bool, error) {
	if newest, err := s.newest(ctx, hexa); err != nil || !newest.Before(before) {
		return false, err
	}
	if mine, err := s.announce(ctx, hexa); err != nil || !mine {
		return false, err
	}
	newest, err := s.newest(ctx, hexa)
	old := err == nil && newest.Before(before)
	if old {
		err = s.drop(ctx, s.blob(hexa))
		touches, terr := s.touched(ctx, hexa)
		for _, t := range touches {
			terr = errors.Join(terr, s.drop(ctx, s.touchKey(hexa, t)))
		}
		err = errors.Join(err, terr)
	}
	// Others wait for this one; it goes in any case, or they wait until it is forgotten.
	over, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	return old && err == nil, errors.Join(err, s.drop(over, s.going(hexa)))
}

// announce says that this host removes the artifact; false: another one does, or did when it died.
func (s *Store) announce(ctx context.Context, hexa string) (bool, error) {
	options := minio.PutObjectOptions{UserMetadata: stamp(time.Now())}
	options.SetMatchETagExcept("*")
	_, err := s.client.PutObject(ctx, s.cfg.Bucket, s.going(hexa), bytes.NewReader(nil), 0, options)
	if codeOf(err) != minio.PreconditionFailed {
		return err == nil, err
	}
	began, err := s.stat(ctx, s.going(hexa))
	if absent(err) {
		return false, nil
	}
	if first, ok := s.others[hexa]; err != nil || !ok || !first.began.Equal(began) {
		s.others[hexa] = sighting{began, time.Now()}
	} else if time.Since(first.at) > s.patience {
		delete(s.others, hexa)
		err = s.drop(ctx, s.going(hexa)) // the next round has it
	}
	return false, err
}

// sighting is when a removal began, by its remover's clock, and when it was seen first, by this one.
type sighting struct{ began, at time.Time }

func (s *Store) drop(ctx context.Context, key string) error {
	err := s.client.RemoveObject(ctx, s.cfg.Bucket, key, minio.RemoveObjectOptions{})
	if absent(err) {
		return nil // another was faster, and some servers say so
	}
	return err
}

// newest says when the artifact was put or touched last.
func (s *Store) newest(ctx context.Context, hexa string) (time.Time, error) {
	put, err := s.stat(ctx, s.blob(hexa))
	if err != nil {
		return time.Time{}, err
	}
	touched, err := s.touched(ctx, hexa)
	return slices.MaxFunc(append(touched, put), time.Time.Compare), err
}

// Peek implements artifacts.Keeper.
func (s *Store) Peek(ctx context.Context, digest string) (io.ReadCloser, error) {
	return s.open(ctx, digest)
}

// All implements artifacts.Keeper. An artifact may be up to a second older than it says.
func (s *Store) All(ctx context.Context) iter.Seq2[artifacts.Held, error] {
	return func(yield func(artifacts.Held, error) bool) {
		touched := map[string]time.Time{}
		err := s.list(ctx, s.touches(), func(o minio.ObjectInfo) bool {
			if hexa, t, ok := s.touchOf(o.Key); ok && t.After(touched[hexa]) {
				touched[hexa] = t
			}
			return true
		})
		if err == nil {
			err = s.list(ctx, s.blobs(), func(o minio.ObjectInfo) bool {
				hexa := strings.ReplaceAll(strings.TrimPrefix(o.Key, s.blobs()), "/", "")
				if _, err := name("sha256:" + hexa); err != nil || o.Key != s.blob(hexa) {
					return true // not ours
				}
				put := o.LastModified.Add(grain)
				if t := touched[hexa]; t.After(put) {
					put = t
				}
				return yield(artifacts.Held{Digest: "sha256:" + hexa, Size: o.Size, Put: put}, nil)
			})
		}
		if err != nil {
			yield(artifacts.Held{}, fmt.Errorf("list artifacts in %s: %w", s.cfg.Where, explain(err)))
		}
	}
}

// list gives the objects under a prefix until each wants no more.
func (s *Store) list(ctx context.Context, prefix string, each func(minio.ObjectInfo) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for o := range s.client.ListObjectsIter(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if !each(o) {
			return nil
		}
	}
	return nil
}
