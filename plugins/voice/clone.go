package main

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
	"strings"
)

// sovitsEngine is GPT-SoVITS, by the HTTP service of its api_v2.py. It reads the sample from the disk, so it runs on this machine.
type sovitsEngine struct{ url string }

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

// lang is a language as GPT-SoVITS calls it.
func lang(name string) string {
	return strings.ToLower(strings.SplitN(strings.ReplaceAll(name, "_", "-"), "-", 2)[0])
}

func (e sovitsEngine) say(ctx context.Context, r request) ([]byte, string, error) {
	if r.profile == nil {
		return nil, "", unready{errNoProfile}
	}
	p := r.profile
	spoken := p.Language
	if language.MatchString(r.voice) {
		spoken = r.voice
	}
	body := map[string]any{"text": r.text, "text_lang": lang(spoken), "ref_audio_path": p.sample, "prompt_text": p.Transcript, "prompt_lang": lang(p.Language), "media_type": "wav", "streaming_mode": false,
		"text_split_method": "cut5", "speed_factor": min(2, max(0.5, float64(r.rate)/defaultRate))}
	maps.Copy(body, p.setting("gpt-sovits"))
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(e.url, "/")+"/tts", bytes.NewReader(raw))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }() // read
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // the status says the most
		return nil, "", fmt.Errorf("%s answered %s: %.*s", req.URL.Redacted(), res.Status, maxSaid, oneLine(string(said)))
	}
	wav, err := io.ReadAll(io.LimitReader(res.Body, maxWAV+1))
	return wav, p.Name, err
}

// f5Engine is the command line of F5-TTS, which has no service of its own.
type f5Engine struct{}

func (f5Engine) ready(context.Context, string) error { return lookPath("f5-tts_infer-cli") }

func (f5Engine) say(ctx context.Context, r request) ([]byte, string, error) {
	if r.profile == nil {
		return nil, "", unready{errNoProfile}
	}
	p := r.profile
	dir := filepath.Join(r.dir, "f5")
	text := filepath.Join(r.dir, "f5.txt") // a text on the command line could be taken for an option
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(text, []byte(r.text), 0o600)); err != nil {
		return nil, "", err
	}
	args := []string{"--ref_audio", p.sample, "--ref_text", p.Transcript, "--gen_file", text, "--output_dir", dir, "--output_file", "f5.wav", "--speed", fmt.Sprintf("%.3f", min(2, max(0.5, float64(r.rate)/defaultRate)))}
	for name, v := range p.setting("f5-tts") {
		args = append(args, "--"+name, fmt.Sprint(v))
	}
	if _, err := command(ctx, nil, "f5-tts_infer-cli", args...); err != nil {
		return nil, "", err
	}
	wav, err := os.ReadFile(filepath.Join(dir, "f5.wav"))
	return wav, p.Name, err
}
