package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/s3"
	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/store/pgstore"
	"github.com/myspinbot/spinbot/sdk/client"
)

// redis looks at the Redis of the fleet: whether it would lose work, and its clock.
func redis(ctx context.Context, c Config) []Finding {
	switch {
	case c.Host.Fleet == nil:
		return unasked("this machine works alone; spinbot serve --fleet makes it the first of several")
	case c.Host.Fleet.Own != nil:
		return fine("serve starts its own")
	}
	r, facts, err := dial.Open(ctx, c.Host.Fleet.Dial)
	var refused *dial.RefusedError
	if errors.As(err, &refused) {
		var found []Finding
		for _, reason := range refused.Reasons {
			said, mend, _ := strings.Cut(reason, ": ")
			found = append(found, Finding{State: Wrong, Said: said, Mend: mend})
		}
		return found
	}
	if err != nil {
		return wrong(err, "start it, or correct --redis")
	}
	defer func() { _ = r.Close() }()
	found := fine("%s, version %s, fits", facts.Address, facts.Version)
	for _, w := range facts.Warnings {
		said, mend, _ := strings.Cut(w, ": ")
		found = append(found, Finding{State: Odd, Said: said, Mend: mend})
	}
	begun := time.Now()
	if there, err := r.Time(ctx).Result(); err == nil { // who may not ask is not told
		found = append(found, compared(there, middle(begun), "the Redis")...)
	}
	return found
}

// middle is the time between then and now: when somebody who was asked then has looked at a clock.
func middle(then time.Time) time.Time { return then.Add(time.Since(then) / 2) }

// database looks at the PostgreSQL that hosts share.
func database(ctx context.Context, c Config) []Finding {
	if c.Host.Store == "" {
		return unasked("runs are kept in the state directory; --store names a database for several hosts")
	}
	begun := time.Now()
	version, there, err := pgstore.Look(ctx, c.Host.Store)
	if err != nil {
		return wrong(err, "")
	}
	return append(fine("PostgreSQL %s answers", version), compared(there, middle(begun), "the database")...)
}

// bucket looks at where artifacts are, when that is not the state directory.
func bucket(ctx context.Context, c Config) []Finding {
	if dir := c.Host.ArtifactsDir; dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return wrong(err, "make the folder, or mount its disk, or correct --artifacts-dir")
		}
		if _, err := timed(dir); err != nil {
			return wrong(fmt.Errorf("nothing can be written in %s: %w", dir, err), "let it belong to you, or correct --artifacts-dir")
		}
		return fine("%s is writable", dir)
	}
	if c.Host.ArtifactsS3 == nil {
		return unasked("artifacts are kept in the state directory; --artifacts-s3 names a bucket")
	}
	there, err := s3.Look(ctx, *c.Host.ArtifactsS3)
	switch {
	case err != nil:
		return wrong(err, "")
	case !there:
		return one(Odd, fmt.Sprintf("there is no bucket at %s", c.Host.ArtifactsS3.Where), "serve makes it, if the key may")
	}
	return fine("%s answers", c.Host.ArtifactsS3.Where)
}

// meanings looks at what finds artifacts by what they are about: pgvector, and the host that describes them.
func meanings(ctx context.Context, c Config) []Finding {
	model := c.Host.File.Search.Model
	if model == "" {
		return unasked("artifacts are found by their names alone; search { model = \"nomic-embed-text\" } in spinbot.hcl finds them by what they are about")
	}
	var found []Finding
	if c.Host.Store != "" {
		switch version, lacks, err := pgstore.LookVector(ctx, c.Host.Store); {
		case err != nil:
			return wrong(err, "")
		case lacks != "":
			said, mend, _ := strings.Cut(lacks, "; ")
			found = one(Odd, said+": every search compares with all files, which is slow with very many", mend)
		case version != "":
			found = fine("pgvector %s is there", version)
		}
	}
	path, err := c.Host.State.Socket()
	if err != nil {
		return append(found, wrong(err, "")...)
	}
	there := client.Unix(path)
	defer there.Close()
	switch s, err := there.Search(ctx); {
	case err != nil:
		return append(found, fine("%s describes artifacts while a host serves", model)...)
	case !s.On:
		return append(found, one(Odd, "the host that runs here began without it", "start it again")...)
	case s.Problem != "":
		return append(found, one(Odd, fmt.Sprintf("%d of %d artifacts are described: %s", s.Described, s.Files, s.Problem), "the others are found by their names; it is tried again by itself")...)
	default:
		return append(found, fine("%d of %d artifacts are described by %s", s.Described, s.Files, model)...)
	}
}
