package machine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/myspinbot/spinbot/host/internal/config"
	"github.com/myspinbot/spinbot/host/internal/models"
	"github.com/myspinbot/spinbot/host/internal/outbound"
)

// Download brings every model file that a model block names into the folders of the models blocks, one after the other, on a
// machine where neither a host nor an agent runs. Files that are there are read and compared; got is told of each that is right.
// It tries all, and its error says what is wrong with each that is not.
func Download(ctx context.Context, file *config.Config, hashes string, log *slog.Logger, got func(models.File)) error {
	if len(file.Models) == 0 {
		return errors.New(`no folder of models is known: spinbot.hcl needs a block like models "mine" { folder = "models" }`)
	}
	m := &Machine{cfg: Config{File: file, Log: log}}
	m.web = outbound.New(outbound.Config{})
	defer m.web.Close()
	m.Models = models.New(models.Config{Hashes: hashes, Folders: folders(file), Log: log})
	defer m.Models.Close()
	m.Models.Look()
	var wrong []error
	for _, s := range file.Sources {
		f, err := m.download(ctx, s)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
			continue
		}
		got(f)
	}
	return errors.Join(wrong...)
}

func (m *Machine) download(ctx context.Context, s config.Source) (models.File, error) {
	if err := m.Models.Fetch(ctx, models.Want{Name: s.Name, Digest: s.Digest, From: s.URL, Source: m.FromURL(s.Name, s.URL)}); err != nil {
		return models.File{}, err
	}
	digest, err := m.Models.Digest(ctx, s.Name)
	if err != nil {
		return models.File{}, err
	}
	if digest != s.Digest {
		return models.File{}, fmt.Errorf("another file is there, with the digest %s: move it away, it is not written over", digest)
	}
	for _, f := range m.Models.Files() {
		if f.Name == s.Name {
			return f, nil
		}
	}
	return models.File{}, errors.New("it was there and has gone")
}
