// The soak: a house of real processes - a Redis, a host, agents, their plugins - in which runs of every kind are made for a long
// time while it is harmed at random. No run is lost, what comes of each is right, nothing takes effect twice; and when all
// has ended and was removed, nothing is left: no goroutine, descriptor, memory, process, file, key. See docs/soak.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/myspinbot/spinbot/host/cmd/soak/growth"
	"github.com/myspinbot/spinbot/host/cmd/soak/house"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		stop()
		os.Exit(1)
	}
}

// flags are what a soak is told.
type flags struct {
	spinbot, nodes, dir, report, plant string
	lasts, round                       time.Duration
	runs, workers                      int
	seed                               uint64
}

func parse(args []string) (o flags, err error) {
	f := flag.NewFlagSet("soak", flag.ContinueOnError)
	f.StringVar(&o.spinbot, "spinbot", "bin/spinbot", "the built program, with the bundled plugins beside it")
	f.StringVar(&o.nodes, "nodes", "bin/soak/plugins", "the folder that the plugin of the tests is in")
	f.DurationVar(&o.lasts, "time", 0, "how long it goes on, at least; 0: until --runs were made")
	f.IntVar(&o.runs, "runs", 10000, "how many runs are made, at least; with --time whichever comes first")
	f.DurationVar(&o.round, "round", 15*time.Second, "how long runs are made before all is given back and measured")
	f.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "which runs and faults there are, and their order")
	f.IntVar(&o.workers, "workers", 8, "how many make runs at once")
	f.StringVar(&o.dir, "dir", "", "a new folder to work in, which stays (default: one that goes unless something is wrong)")
	f.StringVar(&o.report, "report", "", "a file to write what was measured into, as JSON")
	f.StringVar(&o.plant, "plant", "", "leave something behind in each round, to see that it is noticed: file or key")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if !slices.Contains([]string{"", "file", "key"}, o.plant) {
		return o, fmt.Errorf("--plant %s: it is file or key", o.plant)
	}
	var err1, err2 error
	o.spinbot, err1 = filepath.Abs(o.spinbot)
	o.nodes, err2 = filepath.Abs(o.nodes)
	return o, errors.Join(err1, err2)
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "soak-"); err != nil {
			return err
		}
	}
	began := time.Now()
	say("seed %d, in %s", o.seed, dir)
	h, err := house.Open(ctx, dir, o.spinbot, o.nodes, 3, source("hook"), say)
	s := &soak{House: h, book: newBook(), flags: o, faults: rand.New(rand.NewPCG(o.seed, 0))}
	for n := range o.workers {
		s.workers = append(s.workers, newWorker(h, s.book, o.seed, n+1))
	}
	if err == nil {
		err = s.all(ctx)
	}
	for _, err := range []error{err, h.Close()} {
		if err != nil {
			s.book.violated("%v", err)
		}
	}
	err = s.tell(time.Since(began), o.report)
	switch {
	case err != nil:
		say("what all have said is in %s", dir)
	case o.dir == "":
		err = os.RemoveAll(dir)
	}
	return err
}

// harsh is the part of the whole, at its beginning, in which the host is ended, too. What it holds is measured after that.
const harsh = 1.0 / 3

// mildest is how many rounds there have to be without, however slow the machine is: see growth.
const mildest = growth.Least*4/3 + 1

// all has one round after the other, until the time is up or all runs were made.
func (s *soak) all(ctx context.Context) error {
	began := time.Now()
	mild := 0
	for n := 0; ctx.Err() == nil; n++ {
		done := float64(s.book.runs()) / float64(s.flags.runs)
		if s.flags.lasts > 0 {
			done = max(done, float64(time.Since(began))/float64(s.flags.lasts))
		}
		if done >= 1 && mild >= mildest {
			break
		}
		if done >= harsh {
			mild++
		}
		if err := s.round(ctx, done < harsh); err != nil {
			return fmt.Errorf("round %d: %w", n+1, err)
		}
		m := s.samples[n].Values
		say("round %d: %d runs; %.0f goroutines, %.0f descriptors, %.1f MiB heap, %.1f MiB resident, %.0f processes", n+1, s.book.runs(),
			m["host goroutines"], m["host descriptors"], m["host heap"]/(1<<20), m["host resident"]/(1<<20), m["processes"])
	}
	return context.Cause(ctx)
}
