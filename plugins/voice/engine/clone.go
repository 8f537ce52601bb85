package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/tune"
)

// Seconds of a sample that engines take: GPT-SoVITS refuses one of more than 10, and F5-TTS cuts what comes after 12 off, but not off what is
// said in it, and then speaks far too fast.
const (
	sovitsSample = 9.8
	f5Sample     = 11.8
)

// sovitsEngine is GPT-SoVITS, by the HTTP service of its api_v2.py. It reads the sample from the disk, so it runs on this machine.
type sovitsEngine struct {
	url string
	// trusted: models of a voice are loaded, which may hold programs.
	trusted bool
	busy    *sync.RWMutex // it speaks with one set of models at a time
}

// errNoProfile says that an engine only imitates.
var errNoProfile = errors.New("speaks only with a profile: see voice.profile")

func (e sovitsEngine) ready(_ context.Context, _ string) error {
	if e.url == "" {
		return errors.New("not configured")
	}
	if u, err := url.Parse(e.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("its URL is none: want one such as http://127.0.0.1:9880")
	}
	return nil
}

// sovitsLanguages are those that GPT-SoVITS takes since its version 2.
var sovitsLanguages = []string{"en", "zh", "ja", "ko", "yue"}

// lang is a language as GPT-SoVITS calls it.
func lang(name string) string {
	return strings.ToLower(strings.SplitN(strings.ReplaceAll(name, "_", "-"), "-", 2)[0])
}

func (e sovitsEngine) say(ctx context.Context, r Request) (wav []byte, voice string, err error) {
	if r.Profile == nil {
		return nil, "", unready{errNoProfile}
	}
	m := r.Profile.Models["gpt-sovits"]
	switch {
	case m == nil:
		e.busy.RLock()
		defer e.busy.RUnlock()
		return e.ask(ctx, r)
	case !e.trusted:
		return nil, "", unready{errors.New("the voice brings models that may hold programs: set trust_models = true in the plugin's configuration if you know who made it")}
	}
	e.busy.Lock()
	defer e.busy.Unlock()
	if err = e.load(ctx, m); err == nil {
		wav, voice, err = e.ask(ctx, r)
	}
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return wav, voice, errors.Join(err, e.load(back, tune.PretrainedSovits())) // or others would speak with this voice
}

// load has the service speak with other models from now on.
func (e sovitsEngine) load(ctx context.Context, m tune.Models) error {
	for _, kind := range []string{"gpt", "sovits"} {
		at := strings.TrimRight(e.url, "/") + "/set_" + kind + "_weights?" + url.Values{"weights_path": {m[kind]}}.Encode()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return err
		}
		if _, err := answered(req, 4<<10); err != nil {
			return fmt.Errorf("its models cannot be changed: %w", err)
		}
	}
	return nil
}

// answered sends a request and gives the answer, up to so many bytes and one.
func answered(req *http.Request, most int64) ([]byte, error) {
	res, err := Send(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // read
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // the status says the most
		return nil, fmt.Errorf("%s answered %s: %.*s", req.URL.Redacted(), res.Status, program.MaxSaid, program.OneLine(string(said)))
	}
	return io.ReadAll(io.LimitReader(res.Body, most+1))
}

// ask has the service speak.
func (e sovitsEngine) ask(ctx context.Context, r Request) ([]byte, string, error) {
	p, err := r.Profile.Excerpt(ctx, r.Dir, sovitsSample)
	if err != nil {
		return nil, "", err
	}
	spoken := p.Language
	if language.MatchString(r.Voice) {
		spoken = r.Voice
	}
	for _, l := range []string{lang(spoken), lang(p.Language)} {
		if !slices.Contains(sovitsLanguages, l) {
			return nil, "", unready{fmt.Errorf("speaks no %q: it knows %s", l, strings.Join(sovitsLanguages, ", "))}
		}
	}
	body := map[string]any{"text": r.Text, "text_lang": lang(spoken), "ref_audio_path": p.Sample, "prompt_text": p.Transcript, "prompt_lang": lang(p.Language), "media_type": "wav", "streaming_mode": false,
		"text_split_method": "cut5", "speed_factor": min(2, max(0.5, float64(r.Rate)/DefaultRate))}
	maps.Copy(body, p.Setting("gpt-sovits"))
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(e.url, "/")+"/tts", bytes.NewReader(raw))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	wav, err := answered(req, audio.MaxWAV)
	return wav, p.Name, err
}

// f5Engine is the command line of F5-TTS, which has no service of its own.
type f5Engine struct{}

func (f5Engine) ready(context.Context, string) error { return program.Look("f5-tts_infer-cli") }

func (f5Engine) say(ctx context.Context, r Request) ([]byte, string, error) {
	if r.Profile == nil {
		return nil, "", unready{errNoProfile}
	}
	p, err := r.Profile.Excerpt(ctx, r.Dir, f5Sample)
	if err != nil {
		return nil, "", err
	}
	dir := filepath.Join(r.Dir, "f5")
	text := filepath.Join(r.Dir, "f5.txt") // a text on the command line could be taken for an option
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(text, []byte(r.Text), 0o600)); err != nil {
		return nil, "", err
	}
	args := []string{"--ref_audio", p.Sample, "--ref_text=" + p.Transcript, "--gen_file", text, "--output_dir", dir, "--output_file", "f5.wav", "--speed", fmt.Sprintf("%.3f", min(2, max(0.5, float64(r.Rate)/DefaultRate)))}
	if path := p.Models["f5-tts"]["ckpt_file"]; path != "" {
		args = append(args, "--ckpt_file", path)
	}
	for name, v := range p.Setting("f5-tts") {
		switch on, is := v.(bool); {
		case !is:
			args = append(args, "--"+name, fmt.Sprint(v))
		case on: // a switch, which takes no value
			args = append(args, "--"+name)
		}
	}
	if _, err := program.Run(ctx, nil, "f5-tts_infer-cli", args...); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(filepath.Join(dir, "f5.wav"))
	return wav, p.Name, err
}
