package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// httpEngine is any service that speaks OpenAI's /v1/audio/speech: Kokoro, openedai-speech, LocalAI, OpenAI itself.
type httpEngine struct{ config }

// client has no timeout of its own: the task's deadline counts.
var client = &http.Client{}

func (e httpEngine) ready(string) error {
	if e.URL == "" {
		return errors.New("not configured")
	}
	if u, err := url.Parse(e.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("its URL %q is none: want http://host:port", e.URL)
	}
	return nil
}

// endpoint completes what people configure: a host, its /v1, or the whole path.
func (e httpEngine) endpoint() string {
	base := strings.TrimRight(e.URL, "/")
	switch {
	case strings.HasSuffix(base, "/audio/speech"):
		return base
	case strings.HasSuffix(base, "/v1"):
		return base + "/audio/speech"
	}
	return base + "/v1/audio/speech"
}

func (e httpEngine) say(ctx context.Context, r request) ([]byte, string, error) {
	voice := r.voice
	if voice == "" {
		voice = "alloy"
	}
	body, err := json.Marshal(map[string]any{"model": e.Model, "voice": voice, "input": r.text, "response_format": "wav",
		"speed": min(4, max(0.25, float64(r.rate)/defaultRate))})
	if err != nil {
		return nil, "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.endpoint(), bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if e.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.Key)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	wav, err := io.ReadAll(io.LimitReader(res.Body, maxWAV+1))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", e.endpoint(), err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%s answered %s: %.200s", e.endpoint(), res.Status, strings.TrimSpace(string(wav)))
	}
	return wav, voice, nil
}
