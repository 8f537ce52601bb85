package archives

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/archive"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
	"github.com/myspinbot/spinbot/host/internal/auth"
	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/transfer"
	"github.com/myspinbot/spinbot/sdk/client"
)

// saidFile is what the configuration says, without what is secret: for people.
const saidFile = "configuration.json"

// kept are the files and folders of a state directory that a backup copies as they are. Plugins are not among them: they are installed
// anew. Neither is any secret, nor the keys of this host.
func kept(s local.State) []string {
	return under(s, s.Logs(), s.Triggers(), s.Library(), s.Pipelines(), s.Control(), s.Results(), s.Trust(), s.Retention(), s.Holds(), s.Learned(), s.Paused(),
		filepath.Join(s.Accounts(), auth.TrailFile))
}

// written are those that a backup has made anew.
func written(s local.State) []string {
	return under(s, s.Database(), s.NodeState(), filepath.Join(s.Accounts(), auth.AccountsFile), filepath.Join(s.Dir, saidFile))
}

func under(s local.State, paths ...string) []string {
	for k, path := range paths {
		name, err := filepath.Rel(s.Dir, path)
		if err != nil {
			panic(err) // they are made of it
		}
		paths[k] = filepath.ToSlash(name)
	}
	return paths
}

// Backup implements runroutes.Archives.
func (a *Archives) Backup(ctx context.Context) (func(context.Context, io.Writer) error, error) {
	if _, said := a.File().Settings["store"]; said || a.Database == nil {
		return nil, &client.Problem{Code: client.CodeConflict, Detail: "the runs of this host are in PostgreSQL, which has its own backups",
			Fix: "pg_dump --format custom --schema spinbot DATABASE > runs.dump, and then copy the artifacts: docs/backup.md"}
	}
	made, err := a.madeForBackup()
	if err != nil {
		return nil, err
	}
	s := transfer.State{Dir: a.State.Dir, Snapshot: a.snapshot, Keep: kept(a.State), Made: made, Still: a.Still, Artifacts: a.Files}
	if a.Bucket != "" {
		s.Artifacts = nil
	}
	b, err := a.Transfer.Backup(ctx, s)
	if err != nil {
		return nil, err
	}
	return b.Write, nil
}

// snapshot implements transfer.State.
func (a *Archives) snapshot(ctx context.Context, to string) (about archive.State, err error) {
	copied := local.State{Dir: to}
	if err := a.Database.Snapshot(ctx, copied.Database()); err != nil {
		return about, err
	}
	if _, err := a.Nodes.Snapshot(ctx, copied.NodeState()); err != nil {
		return about, err
	}
	if about, err = verify(ctx, to); err == nil && a.Bucket != "" {
		about.Bucket = a.Bucket
	}
	return about, err
}

// verify reads everything in the database of a state directory that nobody holds.
func verify(ctx context.Context, folder string) (about archive.State, err error) {
	s, err := sqlstore.Open(ctx, local.State{Dir: folder}.Database())
	if err != nil {
		return about, err
	}
	about, err = transfer.CheckRuns(ctx, s)
	return about, errors.Join(err, s.Close())
}

// madeForBackup gives the files that are not copied as they are, since secrets are in them.
func (a *Archives) madeForBackup() (map[string][]byte, error) {
	said, err := json.MarshalIndent(a.said(), "", "  ")
	if err != nil {
		return nil, err
	}
	made := map[string][]byte{saidFile: said}
	path := filepath.Join(a.State.Accounts(), auth.AccountsFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return made, nil
	}
	if err == nil {
		raw, err = auth.WithoutSecrets(raw)
	}
	made[under(a.State, path)[0]] = raw
	return made, err
}

// said is the configuration as its file has it, by key. Of plugins' blocks there is nothing, and of addresses no password.
func (a *Archives) said() map[string]any {
	out := map[string]any{}
	file := a.File()
	for key, s := range file.Settings {
		values := make([]string, len(s.Values))
		for k, text := range s.Values {
			if u, err := url.Parse(text); err == nil && u.User != nil {
				text = u.Redacted()
			}
			values[k] = text
		}
		out[key] = values
	}
	for _, e := range file.Entries {
		out[e.Key] = fmt.Sprint(e.Value)
	}
	return out
}

// Restore makes a state directory of a backup, which is refused unless the directory is absent or empty. Every error that is the
// backup's own fault is an *archive.Error.
func Restore(ctx context.Context, r io.Reader, to local.State) (archive.Manifest, error) {
	return transfer.Restore(ctx, r, transfer.Restored{Dir: to.Dir, Files: append(kept(to), written(to)...), Verify: verify,
		Artifacts: func(folder string) (artifacts.Adopter, error) { return dir.Open(local.State{Dir: folder}.Artifacts()) }})
}
