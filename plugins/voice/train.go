package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/profile"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/plugins/voice/tune"
	"github.com/myspinbot/spinbot/sdk"
)

type trainIn struct {
	Clips       []sdk.Artifact `spin:"clips" min:"1" max:"10000" doc:"Recordings of one person speaking, best 3 to 10 seconds each and some minutes together"`
	Transcripts []string       `spin:"transcripts" min:"1" doc:"What is said in each, word for word, in the order of clips; voice.transcribe can tell"`
	Name        string         `spin:"name" doc:"What the voice is called" min:"1" max:"100"`
	Language    string         `spin:"language" default:"en" doc:"The language that is spoken, such as en or zh" pattern:"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$"`
	Engine      string         `spin:"engine" default:"gpt-sovits" enum:"gpt-sovits|f5-tts" doc:"Whose voice it is: what trains it speaks with it"`
	Epochs      int            `spin:"epochs" default:"8" min:"1" max:"10000" doc:"How often it hears all clips"`
	Batch       int            `spin:"batch" default:"4" min:"1" max:"256" doc:"Clips in each step"`
	Every       int            `spin:"save_every" default:"4" min:"1" doc:"Epochs between two checkpoints, which training goes on from after a crash"`
	Rate        float64        `spin:"learning_rate,optional" min:"0" doc:"By how much each step changes it; default: the engine's own"`
	Consent     bool           `spin:"consent" default:"false" doc:"That whoever speaks has agreed to have the voice made: set it from a variable that a person sets"`
}

type trainOut struct {
	Profile sdk.Artifact `spin:"profile" accept:"application/vnd.spinbot.voice+zip" doc:"The voice with its models, for voice.say"`
	Engine  string       `spin:"engine" doc:"Whose voice it is"`
	Epochs  int          `spin:"epochs" doc:"How many were taken"`
	Loss    float64      `spin:"loss" doc:"That was said last; 0: none was"`
	Seconds float64      `spin:"seconds" doc:"How long the clips are together"`
}

func trainNode(s *speaker) sdk.Node {
	t := sdk.NodeType{
		Name:        "voice.train",
		Description: "Trains a voice of many recordings, by GPT-SoVITS or F5-TTS on a GPU. It goes on from its last checkpoint after a crash. It needs the consent of whoever speaks.",
		Idempotent:  true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "Of recordings that are written down first", HCL: `node "voice.transcribe" "heard" {
  for_each = var.clips
  audio    = each.value
}
node "voice.train" "anna" {
  name        = "anna"
  clips       = var.clips
  transcripts = node.heard[*].text
  consent     = var.consent
}
`}},
	}
	for engine, gib := range map[string]int64{"f5-tts": 14, "gpt-sovits": 7} {
		t.Cases = append(t.Cases, sdk.Case{When: []sdk.Choice{{Input: "engine", Value: engine}}, Device: &sdk.DeviceNeed{Memory: gib << 30},
			Instead: fmt.Sprintf("training a voice with %s needs a machine with a GPU of %d GB or more: join one with spinbot agent --join; voice.profile makes a voice of one recording without training", engine, gib+gib/7)})
	}
	slices.SortFunc(t.Cases, func(a, b sdk.Case) int { return strings.Compare(a.String(), b.String()) })
	return sdk.NodeOf(t, s.train)
}

// checkTraining says what is wrong with what is configured of training.
func (c *config) checkTraining() error {
	if c.Work == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		c.Work = filepath.Join(cache, "spinbot-voice")
	}
	paths := map[string]string{"work": c.Work}
	for name, p := range c.Trainers {
		if !slices.Contains(tune.Engines(), name) {
			return sdk.Refuse(fmt.Sprintf("trainers: no trainer is called %q", name), "there are "+strings.Join(tune.Engines(), " and "))
		}
		paths["trainers."+name+".folder"] = p.Folder
	}
	for name, path := range paths {
		if path != "" && !filepath.IsAbs(path) {
			return sdk.Refuse(fmt.Sprintf("%s: %q is not absolute", name, path), "write the whole path")
		}
	}
	return nil
}

func (s *speaker) train(ctx context.Context, in trainIn, t *sdk.Task) (trainOut, error) {
	if err := needsConsent(in.Consent, "a voice trained with recordings"); err != nil {
		return trainOut{}, err
	}
	if len(in.Clips) != len(in.Transcripts) {
		return trainOut{}, sdk.Refuse(fmt.Sprintf("there are %d clips and %d transcripts", len(in.Clips), len(in.Transcripts)), "give one for each clip, in the same order")
	}
	s.mu.RLock()
	c := s.config
	s.mu.RUnlock()
	id, resumes, err := attemptOf(c.Work, t)
	if err != nil {
		return trainOut{}, err
	}
	j := &tune.Job{Program: c.Trainers[in.Engine], ID: id, Work: filepath.Join(c.Work, id), Language: in.Language, Epochs: in.Epochs, Batch: in.Batch, Every: in.Every, Rate: in.Rate, Task: t,
		Saved: func(epoch int) error { return tellCheckpoint(t, id, epoch) }}
	best, seconds, err := in.clips(ctx, j, t.Scratch)
	if err != nil {
		return trainOut{}, err
	}
	if resumes {
		t.Log("info", "goes on from what an earlier attempt has saved")
	} else if err := tellCheckpoint(t, id, 0); err != nil { // what is prepared is kept, too
		return trainOut{}, err
	}
	made, err := tune.Run(ctx, in.Engine, j)
	if err != nil {
		return trainOut{}, err
	}
	out := trainOut{Engine: in.Engine, Epochs: made.Epochs, Loss: made.Loss, Seconds: timing.Millis(seconds)}
	if out.Profile, err = in.profile(best, made.Models, t); err != nil {
		return trainOut{}, err
	}
	return out, os.RemoveAll(j.Work)
}

// stale is how long what an attempt left is kept for one that goes on.
const stale = 14 * 24 * time.Hour

// checkpoint names the folder in which an attempt left what the next goes on from.
type checkpoint struct {
	ID    string `json:"id"`
	Epoch int    `json:"epoch"`
}

func tellCheckpoint(t *sdk.Task, id string, epoch int) error {
	raw, err := json.Marshal(checkpoint{id, epoch})
	if err == nil {
		t.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: raw})
	}
	return err
}

// attemptOf gives the id of the training's folder: that of an earlier attempt, if there is one. It removes those that nobody goes on with.
func attemptOf(work string, t *sdk.Task) (id string, resumes bool, err error) {
	entries, err := os.ReadDir(work)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", false, err
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil && time.Since(st.ModTime()) > stale {
			_ = os.RemoveAll(filepath.Join(work, e.Name())) // the next one tries again
		}
	}
	var c checkpoint
	if t.Checkpoint != nil && json.Unmarshal(t.Checkpoint, &c) == nil {
		if _, err := hex.DecodeString(c.ID); err == nil && c.ID != "" {
			if _, err := os.Stat(filepath.Join(work, c.ID)); err == nil {
				return c.ID, true, nil
			}
		}
		t.Log("warn", fmt.Sprintf("the checkpoint of epoch %d is not on this machine: training begins anew", c.Epoch))
	}
	var fresh [8]byte
	_, _ = rand.Read(fresh[:]) // never fails
	return hex.EncodeToString(fresh[:]), false, nil
}

// clips lays the recordings out, and gives the one that is best to speak after, with how long they are together.
func (in trainIn) clips(ctx context.Context, j *tune.Job, scratch string) (best int, seconds float64, err error) {
	dir := filepath.Join(j.Work, "clips")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, 0, program.ScratchError(err, j.Work)
	}
	far := func(s float64) float64 { return max(s-8, 8-s) } // some 8 seconds are best
	nearest := -1.0
	for i, a := range in.Clips {
		if strings.TrimSpace(in.Transcripts[i]) == "" {
			return 0, 0, sdk.Refuse(fmt.Sprintf("transcripts: nothing is said in clip %d, %s", i+1, a.Name), "leave the clip out, or write down what is said")
		}
		s, err := audio.Listen(ctx, a, scratch)
		if err != nil {
			return 0, 0, err
		}
		if s, err = s.Polish(); err != nil {
			return 0, 0, sdk.Refuse(fmt.Sprintf("clip %d, %s, is silent", i+1, a.Name), "leave it out")
		}
		path := filepath.Join(dir, fmt.Sprintf("clip-%05d.wav", i+1))
		if err := program.WriteFile(path, s.WAV()); err != nil {
			return 0, 0, err
		}
		j.Clips = append(j.Clips, tune.Clip{Path: path, Text: in.Transcripts[i]})
		seconds += s.Seconds()
		if d := far(s.Seconds()); nearest < 0 || d < nearest {
			best, nearest = i, d
		}
	}
	return best, seconds, nil
}

// profile makes the voice: its models, and the best clip to speak after.
func (in trainIn) profile(best int, made tune.Models, t *sdk.Task) (sdk.Artifact, error) {
	s, err := audio.Listen(context.Background(), in.Clips[best], t.Scratch)
	if err == nil {
		s, err = s.Polish()
	}
	if err != nil {
		return sdk.Artifact{}, err
	}
	p := profile.Profile{Version: profile.Version, Name: in.Name, Language: in.Language, Transcript: strings.Join(strings.Fields(in.Transcripts[best]), " "), Consent: profile.Consent{By: t.Owner, At: t.Time.UTC()},
		Models: map[string]map[string]string{in.Engine: {}}}
	files := map[string]string{}
	for kind, path := range made {
		name := "models/" + kind + filepath.Ext(path)
		p.Models[in.Engine][kind], files[name] = name, path
	}
	path := filepath.Join(t.Scratch, "profile.voice")
	if err := p.Write(path, s, files); err != nil {
		return sdk.Artifact{}, program.ScratchError(err, t.Scratch)
	}
	return sdk.File(path, "profile.voice", profile.Media), nil
}
