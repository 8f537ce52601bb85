package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// mediaVoice is the media type of a voice: a zip archive of voice.json and sample.wav.
const mediaVoice = "application/vnd.spinbot.voice+zip"

type profileIn struct {
	Sample     sdk.Artifact   `spin:"sample" accept:"audio/*|video/*" doc:"Somebody speaking, best 6 to 30 seconds without noise"`
	Transcript string         `spin:"transcript" doc:"What is said in it, word for word; voice.transcribe can tell" min:"1"`
	Name       string         `spin:"name" doc:"What the voice is called" min:"1" max:"100"`
	Language   string         `spin:"language" default:"en" doc:"The language that is spoken, such as en or de" pattern:"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$"`
	Settings   map[string]any `spin:"settings,optional" doc:"What engines are told of it, by engine: { gpt-sovits = { top_k = 5 } }"`
	Consent    bool           `spin:"consent" default:"false" doc:"That whoever speaks has agreed to have the voice made: set it from a variable that a person sets"`
	Anyhow     bool           `spin:"accept_poor" default:"false" doc:"Make it even if voice.check would not call the sample good"`
}

type profileOut struct {
	Profile sdk.Artifact `spin:"profile" accept:"application/vnd.spinbot.voice+zip" doc:"The voice, for voice.say"`
	Seconds float64      `spin:"seconds" doc:"How long its sample is"`
	Advice  []string     `spin:"advice" doc:"What would make it better"`
}

// profile is what a voice says of itself: voice.json.
type profile struct {
	Version    int                       `json:"version"`
	Name       string                    `json:"name"`
	Language   string                    `json:"language"`
	Transcript string                    `json:"transcript"`
	Settings   map[string]map[string]any `json:"settings,omitempty"`
	Consent    consent                   `json:"consent"`

	sample string // path of its WAV
}

// consent is who said that whoever speaks has agreed, and when.
type consent struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

const profileVersion = 1

// needsConsent refuses what imitates a person without a person's word that they have agreed.
func needsConsent(given bool, what string) error {
	if given {
		return nil
	}
	return sdk.Refuse(what+" imitates a person, and nobody has said that they agreed",
		"ask them; then set consent = var.consent in the node, with a variable consent of type bool, and give it as true: --var consent=true")
}

func profileNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "voice.profile", Description: "Makes a voice of a recording, once, for voice.say to speak with again and again. It needs the consent of whoever speaks.", Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "Of a recording", HCL: `node "voice.profile" "anna" {
  name       = "anna"
  sample     = var.sample
  transcript = var.transcript
  consent    = var.consent
}
`}},
	}, makeProfile)
}

func makeProfile(ctx context.Context, in profileIn, t *sdk.Task) (profileOut, error) {
	if err := needsConsent(in.Consent, "a voice made of a recording"); err != nil {
		return profileOut{}, err
	}
	settings := map[string]map[string]any{}
	for engine, s := range in.Settings {
		m, ok := s.(map[string]any)
		if !ok {
			return profileOut{}, sdk.Refuse(fmt.Sprintf("settings of %s are no object", engine), `write them so: settings = { gpt-sovits = { top_k = 5 } }`)
		}
		settings[engine] = m
	}
	s, err := listen(ctx, in.Sample, t.Scratch)
	if err != nil {
		return profileOut{}, err
	}
	told := judge(s, checkIn{Shortest: 3, Longest: 30})
	if !told.Good && !in.Anyhow {
		return profileOut{}, sdk.Refuse("the recording makes no good voice: "+told.advised(), "record it again, or set accept_poor = true")
	}
	if s, err = s.polish(); err != nil {
		return profileOut{}, sdk.Refuse("the recording is silent", "record it again")
	}
	p := profile{Version: profileVersion, Name: in.Name, Language: in.Language, Transcript: strings.Join(strings.Fields(in.Transcript), " "), Settings: settings, Consent: consent{t.Owner, t.Time.UTC()}}
	path := filepath.Join(t.Scratch, "profile.voice")
	if err := p.write(path, s); err != nil {
		return profileOut{}, scratchError(err, t.Scratch)
	}
	return profileOut{sdk.File(path, "profile.voice", mediaVoice), millis(s.seconds()), told.Advice}, nil
}

// write writes the voice. Equal voices are equal bytes.
func (p profile) write(path string, s sound) error {
	raw, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := zip.NewWriter(f)
	put := func(name string, data []byte) {
		if err != nil {
			return
		}
		var to io.Writer
		if to, err = w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate}); err == nil {
			_, err = to.Write(data)
		}
	}
	put("voice.json", append(raw, '\n'))
	put("sample.wav", s.wav())
	return errors.Join(err, w.Close(), f.Close())
}

// readProfile reads a voice, and lays its sample out in a folder.
func readProfile(a sdk.Artifact, dir string) (profile, error) {
	var p profile
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
	if p.Version > profileVersion {
		return p, sdk.Refuse(fmt.Sprintf("%s is a voice of version %d, and this plugin reads up to %d", a.Name, p.Version, profileVersion), "use a newer MySpinBot")
	}
	if raw, err = read("sample.wav", maxWAV); err != nil {
		return p, err
	}
	if _, err := readWAV(raw); err != nil {
		return p, sdk.Refuse(a.Name+": its sample cannot be heard: "+err.Error(), "make it again with voice.profile")
	}
	p.sample = filepath.Join(dir, "reference.wav")
	return p, writeFile(p.sample, raw)
}

// setting gives what an engine is told of the voice.
func (p profile) setting(engine string) map[string]any { return p.Settings[engine] }
