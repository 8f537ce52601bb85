package agents

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// push has an agent fetch one of this machine's plugins. Whether that went well the agent says in its next hello: it has
// the plugin then, or a note.
func (f *Fleet) push(ctx context.Context, m fleet.Member, name string) error {
	e, err := f.pushable(ctx, name)
	if err != nil {
		return err
	}
	refuse := func(why error) error {
		return &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%s %s cannot be sent to %s: %v", e.Name, e.Version, m.Name, why)}
	}
	if m.Offline {
		return refuse(errors.New("it is offline; start it first"))
	}
	if err := catalog.CheckPlatform(e.Path, m.Platform); err != nil {
		return refuse(err)
	}
	packed, err := f.pack(ctx, e)
	if err != nil {
		return refuse(err)
	}
	f.Link.Order(m.Agent, protocol.Order{Plugin: &protocol.Plugin{Host: f.id, Name: e.Name, Version: e.Version, Digest: packed.Digest, Checksum: e.SHA256}})
	return nil
}

// pushable gives a plugin of this machine that may run.
func (f *Fleet) pushable(ctx context.Context, name string) (catalog.Entry, error) {
	v, err := f.catalog.View(ctx)
	if err != nil {
		return catalog.Entry{}, err
	}
	e, ok := v.Entry(name)
	switch {
	case !ok || e.Kind != catalog.Plugin:
		return e, &client.Problem{Code: client.CodeNotFound, Detail: fmt.Sprintf("this host has no plugin %q", name), Fix: "spinbot plugins lists what is there"}
	case e.State != catalog.Ready:
		return e, &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%s cannot be sent: %s", name, e.Reason)}
	case e.Folder == "":
		return e, &client.Problem{Code: client.CodeConflict, Detail: fmt.Sprintf("%s is only %s, and not on this host", name, e.Path), Fix: "install it here first"}
	}
	return e, nil
}

// pack puts a plugin's folder into the store. The same folder is the same artifact.
func (f *Fleet) pack(ctx context.Context, e catalog.Entry) (sdk.Artifact, error) {
	r, w := io.Pipe()
	var packing sync.WaitGroup
	defer packing.Wait()
	defer func() { _ = r.Close() }() // so that packing ends, too
	packing.Go(func() { _ = w.CloseWithError(catalog.Pack(w, e)) })
	return f.cfg.Artifacts.Put(ctx, r, sdk.Artifact{MediaType: "application/x-tar"})
}
