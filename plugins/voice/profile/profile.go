// Package profile is a reusable voice as one file: a sample of it, what is said in the sample, what engines are told of it, the models that
// were trained for it, and who said that whoever speaks has agreed.
package profile

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/sdk"
)

// Media is the media type of a voice: a zip archive of voice.json and sample.wav.
const Media = "application/vnd.spinbot.voice+zip"

// Profile is what a voice says of itself: voice.json.
type Profile struct {
	Version    int                       `json:"version"`
	Name       string                    `json:"name"`
	Language   string                    `json:"language"`
	Transcript string                    `json:"transcript"`
	Settings   map[string]map[string]any `json:"settings,omitempty"`
	Consent    Consent                   `json:"consent"`
	// Models are of engines that were trained for the voice: names in the archive, by engine and by what the engine calls them.
	Models map[string]map[string]string `json:"models,omitempty"`

	Sample string `json:"-"` // path of its WAV
}

// Consent is who said that whoever speaks has agreed, and when.
type Consent struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Version is that of voice.json.
const Version = 1

// Write writes the voice. Equal voices are equal bytes. models are files of it, by their names in the archive.
func (p Profile) Write(path string, s audio.Sound, models map[string]string) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := zip.NewWriter(f)
	put := func(name string, method uint16, from io.Reader) {
		if err != nil {
			return
		}
		var to io.Writer
		if to, err = w.CreateHeader(&zip.FileHeader{Name: name, Method: method}); err == nil {
			_, err = io.Copy(to, from)
		}
	}
	put("voice.json", zip.Deflate, bytes.NewReader(append(raw, '\n')))
	put("sample.wav", zip.Deflate, bytes.NewReader(s.WAV()))
	for _, name := range slices.Sorted(maps.Keys(models)) {
		var m *os.File
		if err == nil {
			m, err = os.Open(models[name])
		}
		if err == nil {
			put(name, zip.Store, m) // what is in it cannot be made smaller
			err = errors.Join(err, m.Close())
		}
	}
	return errors.Join(err, w.Close(), f.Close())
}

// Read reads a voice, and lays its sample out in a folder.
func Read(a sdk.Artifact, dir string) (Profile, error) {
	var p Profile
	z, err := zip.OpenReader(a.Path)
	if err != nil {
		return p, sdk.Refuse(a.Name+" is no voice", "give what voice.profile makes")
	}
	defer func() { _ = z.Close() }() // only read
	read := func(name string, most int64) ([]byte, error) {
		f, err := z.Open(name)
		if err != nil {
			return nil, sdk.Refuse(fmt.Sprintf("%s is no voice: it has no %s", a.Name, name), "give what voice.profile makes")
		}
		raw, err := io.ReadAll(io.LimitReader(f, most+1))
		if err == nil && int64(len(raw)) > most {
			err = sdk.Refuse(fmt.Sprintf("%s of %s is too large", name, a.Name), "give what voice.profile makes")
		}
		return raw, errors.Join(err, f.Close())
	}
	raw, err := read("voice.json", 1<<20)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(raw, &p); err != nil || p.Transcript == "" {
		return p, sdk.Refuse(a.Name+" is no voice: its voice.json cannot be read", "give what voice.profile makes")
	}
	if p.Version > Version {
		return p, sdk.Refuse(fmt.Sprintf("%s is a voice of version %d, and this plugin reads up to %d", a.Name, p.Version, Version), "use a newer MySpinBot")
	}
	if raw, err = read("sample.wav", audio.MaxWAV); err != nil {
		return p, err
	}
	if _, err := audio.ReadWAV(raw); err != nil {
		return p, sdk.Refuse(a.Name+": its sample cannot be heard: "+err.Error(), "make it again with voice.profile")
	}
	p.Sample = filepath.Join(dir, "reference.wav")
	if err := program.WriteFile(p.Sample, raw); err != nil {
		return p, err
	}
	return p, p.layOut(z, a.Name, dir)
}

// maxModel is the largest model of a voice that is read, in bytes.
const maxModel = 8 << 30

// layOut lays the models of a voice out in a folder; from then on they go by their paths.
func (p Profile) layOut(z *zip.ReadCloser, voice, dir string) error {
	engines := slices.Sorted(maps.Keys(p.Models)) // whose names may hold anything
	for engine, models := range p.Models {
		for kind, name := range models {
			from, err := z.Open(name)
			if err != nil {
				return sdk.Refuse(fmt.Sprintf("%s is no voice: it has no %s", voice, name), "give what voice.train makes")
			}
			path := filepath.Join(dir, "model-"+strconv.Itoa(slices.Index(engines, engine))+"-"+filepath.Base(filepath.Clean("/"+name)))
			to, err := os.Create(path)
			if err != nil {
				return errors.Join(program.ScratchError(err, dir), from.Close())
			}
			n, err := io.Copy(to, io.LimitReader(from, maxModel+1))
			if err = errors.Join(err, to.Close(), from.Close()); err != nil {
				return program.ScratchError(err, dir)
			}
			if n > maxModel {
				return sdk.Refuse(fmt.Sprintf("%s of %s is too large", name, voice), "give what voice.train makes")
			}
			models[kind] = path
		}
	}
	return nil
}

// Setting gives what an engine is told of the voice.
func (p Profile) Setting(engine string) map[string]any { return p.Settings[engine] }
