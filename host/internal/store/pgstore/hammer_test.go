package pgstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore/pgtest"
)

// fleet is a few hosts on one database. Each appends to every run that it ever owned, as a host would that does not know
// that it was taken for dead; who owned a run in which order is written down.
type fleet struct {
	t     *testing.T
	url   string
	hosts []*pgstore.Store

	mu     sync.Mutex
	owners map[string][]int // of each run, in order
}

const fleetRuns = 40

// TestAdoptRace: in every round some hosts are taken for dead, and all adopt at once while all append. Each run is adopted
// by one host at most, each that was left behind by one in the end, and none is appended to by who does not own it.
func TestAdoptRace(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, url: pgtest.Database(t), owners: map[string][]int{}}
	for i := range 4 {
		f.hosts = append(f.hosts, open(t, f.url, fmt.Sprintf("host_%d", i)))
	}
	for i := range fleetRuns {
		run := fmt.Sprintf("run_%02d", i)
		check(t, f.hosts[i%4].Append(t.Context(), f.event(run, 0, i%4)))
		f.owners[run] = []int{i % 4}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 8 {
		dead := random.Perm(4)[:1+random.IntN(2)]
		for _, i := range dead {
			silence(t, f.url, fmt.Sprintf("host_%d", i))
		}
		f.round(dead)
		if t.Failed() {
			t.Fatalf("in round %d, when %v were dead", round, dead)
		}
	}
	f.check()
}

// TestAdoptFromEachOther: hosts that were all taken for dead, and all are not, adopt each other's runs at once. Whoever is
// first lives, so that nobody takes a run from who has just adopted it.
func TestAdoptFromEachOther(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, url: pgtest.Database(t), owners: map[string][]int{}}
	for i := range 4 {
		f.hosts = append(f.hosts, open(t, f.url, fmt.Sprintf("host_%d", i)))
	}
	for i := range fleetRuns {
		check(t, f.hosts[0].Append(t.Context(), f.event(fmt.Sprintf("run_%02d", i), 0, 0)))
	}
	for round := range 12 {
		exec(t, f.url, "UPDATE spinbot.hosts SET beaten = '-infinity'")
		var wg sync.WaitGroup
		for i := range f.hosts {
			wg.Go(func() { f.adopt(i) })
		}
		wg.Wait()
		for run, owners := range f.owners {
			if len(owners) > round+1 {
				t.Fatalf("%s was adopted by several hosts in round %d: %v", run, round, owners)
			}
		}
	}
}

// event is an append that says which host made it.
func (f *fleet) event(run string, after uint64, host int) store.Append {
	return store.Append{Run: run, After: after, Events: [][]byte{fmt.Appendf(nil, "%s #%d host_%d", run, after+1, host)},
		Head: &store.Head{Run: run, State: "running"}}
}

// round has everybody adopt, several times, and append at the same time. Who adopts lives, so that the dead must not be
// among those who do.
func (f *fleet) round(dead []int) {
	var wg sync.WaitGroup
	for i := range f.hosts {
		wg.Go(func() { f.append(i) })
		if !slices.Contains(dead, i) {
			for range 2 {
				wg.Go(func() { f.adopt(i) })
			}
		}
	}
	wg.Wait()
	for i := range f.hosts { // a run that was being written to was left
		if !slices.Contains(dead, i) {
			f.adopt(i)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for run, owners := range f.owners {
		if slices.Contains(dead, owners[len(owners)-1]) {
			f.t.Errorf("%s was left to a dead host: %v", run, owners)
		}
	}
}

func (f *fleet) adopt(host int) {
	taken, err := f.hosts[host].Adopt(f.t.Context(), time.Minute)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, run := range taken {
		f.owners[run] = append(f.owners[run], host)
	}
}

// append tries an event on each run that the host ever owned.
func (f *fleet) append(host int) {
	f.mu.Lock()
	var runs []string
	for run, owners := range f.owners {
		if slices.Contains(owners, host) {
			runs = append(runs, run)
		}
	}
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, run := range runs {
		wg.Go(func() {
			got, err := f.hosts[host].Read(f.t.Context(), run, 0, 0)
			if err == nil {
				err = f.hosts[host].Append(f.t.Context(), f.event(run, uint64(len(got)), host))
			}
			if err != nil && !errors.Is(err, store.ErrNotOwned) && !errors.Is(err, store.ErrConflict) {
				f.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// check reads every journal: its events come from the run's owners, in the order in which they owned it.
func (f *fleet) check() {
	for run, owners := range f.owners {
		got, err := f.hosts[0].Read(f.t.Context(), run, 0, 0)
		check(f.t, err)
		if epoch := ask[int](f.t, f.url, "SELECT epoch FROM spinbot.runs WHERE id = $1", []byte(run)); epoch != len(owners) {
			f.t.Errorf("%s is at epoch %d, and was owned by %v", run, epoch, owners)
		}
		left := owners
		for _, e := range got {
			_, who, _ := strings.Cut(string(e.Data), " host_")
			for len(left) > 0 && fmt.Sprint(left[0]) != who {
				left = left[1:]
			}
			if len(left) == 0 {
				f.t.Fatalf("%s: event %d is host_%s's, out of turn: the owners were %v", run, e.Seq, who, owners)
			}
		}
	}
}
