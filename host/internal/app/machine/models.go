package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/host/internal/outbound"
	"github.com/myspinbot/spinbot/sdk"
)

// openModels looks into the folders of models that the configuration names.
func (m *Machine) openModels() {
	if m.cfg.File == nil || len(m.cfg.File.Models) == 0 {
		return
	}
	m.web = outbound.New(outbound.Config{})
	m.Models = models.New(models.Config{Folders: folders(m.cfg.File), Hashes: m.cfg.State.Models(), Uses: func(name string) string { return m.Leases.UserOf(name) },
		Changed: m.cfg.Stocked, Log: m.cfg.Log})
	m.Models.Look()
}

func folders(file *config.Config) (out []models.Folder) {
	for _, f := range file.Models {
		out = append(out, models.Folder{Path: f.Folder, Kind: f.Kind, Rate: f.Rate, Private: f.Private})
	}
	return out
}

func (m *Machine) closeModels() {
	if m.Models != nil {
		m.Models.Close()
		m.web.Close()
	}
}

// webPatience is how long a web server may take to begin with a file.
const webPatience = time.Minute

// FromURL is a model file of the web, as a source: within the rules of outbound, at private addresses only where the folder
// that the file goes into allows them.
func (m *Machine) FromURL(name, url string) models.Source {
	private := m.Models.Private(name)
	return web{models.HTTP{Client: m.web.Downloads(private), Wait: webPatience, Refused: outbound.IsRefused,
		Request: func(context.Context) (string, string, error) { return url, "", nil }}}
}

type web struct{ models.HTTP }

// Open implements models.Source.
func (w web) Open(ctx context.Context, offset int64) (models.Stream, error) {
	s, err := w.HTTP.Open(ctx, offset)
	if outbound.IsPrivate(err) {
		err = fmt.Errorf("%w; private = true in the models block of the machine that fetches it allows that", err)
	}
	return s, err
}

// Stock gives the model files of this machine as hosts are told of them; nil: it does not say.
func (m *Machine) Stock() *protocol.Models {
	if m.Models == nil {
		return nil
	}
	out := &protocol.Models{Files: []protocol.ModelFile{}}
	for _, f := range m.Models.Files() {
		out.Files = append(out.Files, protocol.ModelFile{Name: f.Name, Size: f.Size, Digest: f.Digest})
	}
	return out
}

// Fetching gives the model files that are on their way to this machine, or did not come.
func (m *Machine) Fetching() []protocol.Fetching {
	if m.Models == nil {
		return nil
	}
	var out []protocol.Fetching
	for _, f := range m.Models.Fetches() {
		out = append(out, protocol.Fetching{Name: f.Name, From: f.From, Done: f.Done, Total: f.Total, Error: f.Error, Started: f.Started.UTC()})
	}
	return out
}

// RemoveModel deletes a model file of this machine: see models.Library.
func (m *Machine) RemoveModel(name string) error {
	if m.Models == nil {
		return errors.New("this machine has no folders of models")
	}
	err := m.Models.Remove(name)
	if err == nil {
		m.cfg.Log.Info("a model was removed", "model", name)
	}
	return err
}

// Used says what a task of a plugin's is carried out with here: the plugin, and the model files that its inputs name. Those whose digest nobody has asked
// for yet are read.
func (m *Machine) Used(ctx context.Context, t *sdk.Task, e catalog.Entry) *sdk.Usage {
	u := &sdk.Usage{By: &sdk.Maker{Plugin: e.Name, Version: e.Version, Checksum: "sha256:" + e.SHA256, Machine: m.cfg.Name, Spinbot: m.cfg.Version}}
	for k := range e.Manifest.NodeTypes {
		if nodeType := &e.Manifest.NodeTypes[k]; m.Models != nil && nodeType.Name == t.Type {
			for _, name := range nodeType.ModelFiles(t.Inputs) {
				digest, err := m.Models.Digest(ctx, name)
				if err != nil && ctx.Err() == nil {
					m.cfg.Log.Warn("which model a task has used is not noted", "task", t.Address.String(), "error", err)
				}
				u.Models = append(u.Models, sdk.UsedModel{Name: name, Digest: digest, Licence: m.Models.Licence(name)})
			}
		}
	}
	return u
}
