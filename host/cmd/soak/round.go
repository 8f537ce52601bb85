package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/cmd/soak/house"
	"github.com/myspinbot/spinbot/sdk/client"
)

var errRevoked = errors.New("a token was revoked, and is still good")

// soak is the whole of it.
type soak struct {
	*house.House
	book    *book
	flags   flags
	workers []*worker
	faults  *rand.Rand
	samples []sample
}

// round has runs made and harm done for a while, waits for all to end, looks at them, gives everything back, and measures.
func (s *soak) round(ctx context.Context, harsh bool) error {
	work, stop := context.WithTimeout(ctx, s.flags.round)
	defer stop()
	var harming, working sync.WaitGroup
	harming.Go(func() { harm(work, s.House, s.book, s.faults, harsh) })
	for _, w := range s.workers {
		working.Go(func() {
			for work.Err() == nil {
				w.one(ctx)
			}
		})
	}
	working.Wait()
	stop()
	harming.Wait()
	if err := s.Empty(); err != nil {
		return err
	}
	if err := s.Ready(ctx); err != nil {
		return err
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.tidy(ctx); err != nil {
		return err
	}
	if err := s.leave(); err != nil {
		return err
	}
	return s.Until(ctx, "everything can be measured", func() error {
		m, err := s.measure(ctx)
		if err == nil {
			s.samples = append(s.samples, m)
		}
		return err
	})
}

// look holds what the host knows to what was accepted: nothing is lost, nothing goes on, and what took effect did so once.
func (s *soak) look(ctx context.Context) error {
	var all []client.Run
	err := s.Until(ctx, "the host lists its runs", func() (err error) { // it may have ended once more when its disk had room
		all, err = s.list(ctx)
		return err
	})
	if err != nil {
		return err
	}
	want := s.book.took()
	for _, r := range all {
		o := want[r.ID]
		if delete(want, r.ID); o == nil {
			s.book.violated("run %s (%s) is one that nobody was told of", r.ID, r.Pipeline)
		}
		if !r.Ended() {
			s.book.violated("run %s (%s) is still %s", r.ID, r.Pipeline, r.State)
		}
	}
	for id, o := range want {
		s.book.violated("run %s (%s) was accepted, and is lost", id, o.kind)
	}
	s.book.checkEffects(filepath.Join(s.Dir, "effects"))
	return nil
}

func (s *soak) list(ctx context.Context) (all []client.Run, err error) {
	for q := (client.RunQuery{Limit: 500}); ; {
		l, err := s.Client.Runs(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, l.Runs...)
		if q.Before = l.Next; l.Next == "" {
			return all, nil
		}
	}
}

// tidy removes all runs and what belongs to them, as if a day had passed; nothing may be left.
func (s *soak) tidy(ctx context.Context) error {
	var swept client.Swept
	err := s.Until(ctx, "all runs are removed", func() (err error) {
		if err = s.forget(ctx); err != nil {
			return err
		}
		age(filepath.Join(s.Dir, "host/artifacts/sha256"))
		age(filepath.Join(s.Dir, "host/logs"))
		swept, err = s.Client.Sweep(ctx, client.Sweep{OlderThan: "0s"})
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range swept.Kept {
		s.book.violated("run %s (%s) was not removed: %s", r.ID, r.Pipeline, r.Why)
	}
	// What an agent brought late, of an attempt that nobody waited for any more, may have been kept meanwhile.
	left := s.Until(house.Within(ctx, lateness), "no artifact is left once there is no run", func() error {
		if err := s.forget(ctx); err != nil {
			return err
		}
		age(filepath.Join(s.Dir, "host/artifacts/sha256")) // what the removal has touched
		swept, err := s.Client.Sweep(ctx, client.Sweep{OlderThan: "0s"})
		if err != nil {
			return err
		}
		return s.stays(ctx, swept)
	})
	if left != nil && ctx.Err() == nil {
		s.book.violated("%v", left)
	}
	return nil
}

// lateness is how long something of a run may come after that has ended and was removed.
const lateness = 45 * time.Second

// stays says which artifacts are left, and what may be why.
func (s *soak) stays(ctx context.Context, swept client.Swept) error {
	var why []string
	for reason, a := range swept.KeptArtifacts {
		if a.Count > 0 {
			why = append(why, fmt.Sprintf("%d artifacts stay: %s", a.Count, reason))
		}
	}
	if why == nil {
		return nil
	}
	kept, err1 := s.Client.Cache(ctx)
	assets, err2 := s.Client.Assets(ctx, client.AssetQuery{})
	runs, err3 := s.Client.Runs(ctx, client.RunQuery{Limit: 5})
	return fmt.Errorf("%s (kept results: %+v, assets: %+v, runs: %+v, %w)", strings.Join(why, "; "), kept, assets, runs, errors.Join(err1, err2, err3, errStays))
}

var errStays = errors.New("and nothing of it may")

// forget removes what is no run: kept results, assets, uploads, tokens.
func (s *soak) forget(ctx context.Context) error {
	if _, err := s.Client.CacheGC(ctx, client.CacheGC{All: true}); err != nil {
		return err
	}
	assets, err := s.Client.Assets(ctx, client.AssetQuery{})
	if err != nil {
		return err
	}
	for _, a := range assets.Assets {
		for _, v := range a.Versions {
			if _, err := s.Client.RemoveAsset(ctx, a.Kind, a.Name, v.Number); err != nil {
				return err
			}
		}
	}
	uploads, err := s.Client.Uploads(ctx)
	if err != nil {
		return err
	}
	for _, u := range uploads.Uploads {
		if err := s.Client.EndUpload(ctx, u.ID); err != nil {
			return err
		}
	}
	tokens, err := s.Client.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range tokens.Tokens {
		if t.Name == house.Resident {
			continue
		}
		if _, err := s.Client.RevokeToken(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// age has files be two days old, since nobody waits for that.
func age(dir string) {
	then := time.Now().Add(-48 * time.Hour)
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error { // what is missing has gone meanwhile
		if err == nil && e.Type().IsRegular() {
			_ = os.Chtimes(path, then, then)
		}
		return nil
	})
}

// leave leaves something behind, to see that it is noticed.
func (s *soak) leave() error {
	switch s.flags.plant {
	case "file":
		f, err := os.CreateTemp(filepath.Join(s.Dir, "tmp"), "planted-")
		if err != nil {
			return err
		}
		return f.Close()
	case "key":
		return s.Streams.XAdd(context.Background(), redisEntry(len(s.samples))).Err()
	}
	return nil
}
