package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/profile"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/sdk"
)

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
	s, err := audio.Listen(ctx, in.Sample, t.Scratch)
	if err != nil {
		return profileOut{}, err
	}
	told := judge(s, checkIn{Shortest: 3, Longest: 30})
	if !told.Good && !in.Anyhow {
		return profileOut{}, sdk.Refuse("the recording makes no good voice: "+told.advised(), "record it again, or set accept_poor = true")
	}
	if s, err = s.Polish(); err != nil {
		return profileOut{}, sdk.Refuse("the recording is silent", "record it again")
	}
	p := profile.Profile{Version: profile.Version, Name: in.Name, Language: in.Language, Transcript: strings.Join(strings.Fields(in.Transcript), " "), Settings: settings, Consent: profile.Consent{By: t.Owner, At: t.Time.UTC()}}
	path := filepath.Join(t.Scratch, "profile.voice")
	if err := p.Write(path, s, nil); err != nil {
		return profileOut{}, program.ScratchError(err, t.Scratch)
	}
	return profileOut{sdk.File(path, "profile.voice", profile.Media), timing.Millis(s.Seconds()), told.Advice}, nil
}
