package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/sdk"
)

// httpEngine is any service that speaks OpenAI's /v1/audio/speech: Kokoro, openedai-speech, LocalAI, OpenAI itself.
type httpEngine struct {
	Config
	limit int64 // bytes of an answer
}

// language tells en, en-us and de_DE from the name of a voice.
var language = regexp.MustCompile(`^(?i)[a-z]{2}([-_][a-z]{2})?$`)

// defaultVoice is one that services with this API know; it speaks the language of the text.
const defaultVoice = "alloy"

// client has no timeout of its own: the task's deadline counts.
var client = &http.Client{}

// Send sends a request as part of the task's trace, if it has one.
func Send(req *http.Request) (*http.Response, error) {
	if span := sdk.TraceParent(req.Context()); span != "" {
		req.Header.Set("traceparent", span)
	}
	return client.Do(req)
}

func (e httpEngine) ready(context.Context, string) error {
	if e.URL == "" {
		return errors.New("not configured")
	}
	if u, err := url.Parse(e.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("its URL is none: want one such as http://127.0.0.1:8880") // it may hold a password
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

func (e httpEngine) say(ctx context.Context, r Request) ([]byte, string, error) {
	voice := r.Voice
	if voice == "" || language.MatchString(voice) {
		voice = defaultVoice
	}
	body, err := json.Marshal(map[string]any{"model": e.Model, "voice": voice, "input": r.Text, "response_format": "wav",
		"speed": min(4, max(0.25, float64(r.Rate)/DefaultRate))})
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
	res, err := Send(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // the status says the most
		return nil, "", fmt.Errorf("%s answered %s: %.*s", req.URL.Redacted(), res.Status, program.MaxSaid, program.OneLine(string(said)))
	}
	wav, err := io.ReadAll(io.LimitReader(res.Body, e.limit+1))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", req.URL.Redacted(), err)
	}
	if int64(len(wav)) > e.limit {
		return nil, "", fmt.Errorf("%s answered with more than %d bytes", req.URL.Redacted(), e.limit)
	}
	return wav, voice, nil
}
