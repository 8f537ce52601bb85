// Package archives is what leaves a host as files, and comes in: runs, and its state as a backup.
package archives

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/transfer"
	"github.com/myspinbot/spinbot/sdk/client"
)

// maxListed is how many files of an archive are named to whoever looks into it.
const maxListed = 100

// Archives are what leaves this host as files, and comes in.
type Archives struct {
	Transfer *transfer.Host
	Store    store.Index
	// Imported is told of a run that came in.
	Imported func(run string)

	State local.State
	File  func() *config.Config // as it was read last
	// Database is that of the runs, where it is a file; Nodes is the state that control nodes keep.
	Database *sqlstore.Store
	Nodes    *sqlstore.State
	Files    artifacts.Keeper
	Bucket   string // where artifacts are, instead of Files
	// Still has nothing removed until release.
	Still func() (release func(), err error)
}

// Export implements runroutes.Archives.
func (a *Archives) Export(ctx context.Context, id string) (func(context.Context, io.Writer) error, error) {
	e, err := a.Transfer.Export(ctx, id)
	switch {
	case errors.Is(err, transfer.ErrGoesOn):
		return nil, &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "wait for its end, or spinbot cancel " + id}
	case err != nil:
		return nil, err
	}
	return e.Write, nil
}

// Import implements runroutes.Archives.
func (a *Archives) Import(ctx context.Context, r io.Reader, from string, look bool) (client.ImportedRun, error) {
	if len(from) > 255 {
		return client.ImportedRun{}, &client.Problem{Code: client.CodeBadRequest, Detail: "the name of the host that the run is from is longer than 255 bytes"}
	}
	m, there, err := a.take(ctx, r, from, look)
	var refused *archive.Error
	switch {
	case errors.As(err, &refused):
		return client.ImportedRun{}, &client.Problem{Code: client.CodeUnsupported, Detail: "the archive is refused: " + refused.Why}
	case errors.Is(err, transfer.ErrOther):
		return client.ImportedRun{}, &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "bring it to another host, or into another state directory"}
	case err != nil:
		return client.ImportedRun{}, err
	}
	if !look && !there {
		a.Imported(m.Run.ID)
	}
	return client.ImportedRun{Version: client.ShapeVersion, Archive: archiveShape(m), There: there}, nil
}

func (a *Archives) take(ctx context.Context, r io.Reader, from string, look bool) (m archive.Manifest, there bool, err error) {
	if !look {
		return a.Transfer.Import(ctx, r, from)
	}
	if m, err = transfer.Look(r); err != nil {
		return m, false, err
	}
	head, err := a.Store.Find(ctx, m.Run.ID)
	if errors.Is(err, store.ErrNotFound) {
		return m, false, nil
	}
	return m, head.Run == m.Run.ID, err
}

func archiveShape(m archive.Manifest) client.RunArchive {
	r := m.Run
	out := client.RunArchive{Run: r.ID, Pipeline: r.Pipeline, State: r.State, Created: r.Created, Ended: r.Ended, Events: r.Events,
		Host: m.Host, Program: m.Program, Made: m.Made, Files: []client.ArchivedFile{}, Artifacts: len(r.Artifacts), Bytes: r.Bytes(), Withheld: len(r.Withheld)}
	for _, a := range r.Artifacts {
		if a.Name != "" {
			out.Files = append(out.Files, client.ArchivedFile(a))
		}
	}
	slices.SortFunc(out.Files, func(a, b client.ArchivedFile) int { return cmp.Compare(a.Name, b.Name) })
	out.Files = out.Files[:min(len(out.Files), maxListed)]
	return out
}
