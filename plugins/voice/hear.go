package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
	"github.com/myspinbot/spinbot/sdk"
)

type transcribeIn struct {
	Audio    sdk.Artifact `spin:"audio" accept:"audio/*|video/*" doc:"Speech: WAV, or what ffmpeg reads"`
	Language string       `spin:"language,optional" doc:"The language that is spoken, such as de; default: it is found out" pattern:"^[A-Za-z]{2,3}$"`
	Prompt   string       `spin:"prompt,optional" doc:"Names and words that occur"`
}

type transcribeOut struct {
	Text     string        `spin:"text" doc:"What is said"`
	Language string        `spin:"language" doc:"In which language"`
	Segments []segment     `spin:"segments" doc:"When each sentence is said"`
	Words    []timing.Word `spin:"words" doc:"When each word is said: as the service tells, else measured"`
	Seconds  float64       `spin:"seconds" doc:"How long it is"`
}

type segment struct {
	Text  string  `spin:"text"`
	Start float64 `spin:"start" doc:"Seconds from the beginning"`
	End   float64 `spin:"end" doc:"Seconds from the beginning"`
}

func transcribeNode(s *speaker) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "voice.transcribe", Description: "Writes down what is said, and when, by a whisper.cpp server or a service with OpenAI's API.", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "What a sample says", HCL: "node \"voice.transcribe\" \"heard\" {\n  audio = var.sample\n}\n"}},
	}, s.transcribe)
}

// heard is a transcript as OpenAI's verbose_json and whisper.cpp's have it.
type heard struct {
	Text     string  `json:"text"`
	Language string  `json:"language"`
	Duration float64 `json:"duration"`
	Words    []timedWord
	Segments []struct {
		Text  string      `json:"text"`
		Start float64     `json:"start"`
		End   float64     `json:"end"`
		Words []timedWord `json:"words"`
	} `json:"segments"`
}

type timedWord struct {
	Word  string  `json:"word"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
}

const mostHeard = 64 << 20 // bytes of an answer

func (s *speaker) transcribe(ctx context.Context, in transcribeIn, t *sdk.Task) (transcribeOut, error) {
	s.mu.RLock()
	c := s.config
	s.mu.RUnlock()
	to, err := c.hearingURL()
	if err != nil {
		return transcribeOut{}, err
	}
	snd, err := audio.Listen(ctx, in.Audio, t.Scratch)
	if err != nil {
		return transcribeOut{}, err
	}
	fields := map[string]string{"response_format": "verbose_json", "temperature": "0", "timestamp_granularities[]": "word", "language": in.Language, "prompt": in.Prompt, "model": c.HearModel}
	if in.Language == "" && strings.HasSuffix(to, whisperPath) {
		fields["language"] = "auto" // it takes English for granted where nothing is said
	}
	h, err := ask(ctx, to, c.HearKey, fields, snd.WAV())
	if err != nil {
		if ctx.Err() != nil {
			return transcribeOut{}, context.Cause(ctx)
		}
		return transcribeOut{}, sdk.Fail("what is said cannot be written down: "+err.Error(), "see that the service runs, and that its URL is right: SPINBOT_PLUGIN_VOICE_HEAR_URL")
	}
	out := transcribeOut{Text: strings.Join(strings.Fields(h.Text), " "), Language: languageCode(h.Language), Segments: []segment{}, Words: []timing.Word{}, Seconds: timing.Millis(snd.Seconds())}
	if out.Language == "" {
		out.Language = in.Language
	}
	within := func(at float64) float64 { return min(timing.Millis(at), out.Seconds) } // whisper.cpp's reach beyond the end
	words := h.Words
	for _, g := range h.Segments {
		out.Segments = append(out.Segments, segment{strings.TrimSpace(g.Text), within(g.Start), within(g.End)})
		if len(h.Words) == 0 {
			words = append(words, g.Words...)
		}
	}
	for _, w := range words {
		if text := strings.TrimSpace(w.Word); text != "" {
			out.Words = append(out.Words, timing.Word{Text: text, Start: within(w.Start), End: within(w.End)})
		}
	}
	if len(out.Words) == 0 && timing.IsSpoken(out.Text) {
		out.Words = timing.Words(ctx, out.Text, out.Language, snd)
	}
	return out, nil
}

// whisperPath is where whisper.cpp's server is asked.
const whisperPath = "/inference"

// hearingURL completes what people configure: a service's /v1 or a whole path; a plain host is whisper.cpp's server.
func (c config) hearingURL() (string, error) {
	if c.HearURL == "" {
		return "", sdk.Refuse("no service that writes down speech is configured", "start whisper.cpp's server, or name a service with OpenAI's API: SPINBOT_PLUGIN_VOICE_HEAR_URL=http://127.0.0.1:8080")
	}
	u, err := url.Parse(c.HearURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", sdk.Refuse("the URL of the service that writes down speech is none", "write one such as http://127.0.0.1:8080")
	}
	switch path := strings.TrimRight(u.Path, "/"); {
	case path == "":
		u.Path = whisperPath
	case strings.HasSuffix(path, "/v1"):
		u.Path = path + "/audio/transcriptions"
	}
	return u.String(), nil
}

// ask sends a sound as a form, and reads the transcript.
func ask(ctx context.Context, to, key string, fields map[string]string, wav []byte) (heard, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, v := range fields {
		if v != "" {
			_ = form.WriteField(name, v) // a buffer takes all
		}
	}
	part, err := form.CreateFormFile("file", "speech.wav")
	if err == nil {
		_, err = part.Write(wav)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		return heard{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, &body)
	if err != nil {
		return heard{}, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := engine.Send(req)
	if err != nil {
		return heard{}, err
	}
	defer func() { _ = res.Body.Close() }() // read
	raw, err := io.ReadAll(io.LimitReader(res.Body, mostHeard))
	switch {
	case err != nil:
		return heard{}, err
	case res.StatusCode != http.StatusOK:
		return heard{}, fmt.Errorf("%s answered %s: %.*s", req.URL.Redacted(), res.Status, program.MaxSaid, program.OneLine(string(raw)))
	}
	var h heard
	if err := json.Unmarshal(raw, &h); err != nil {
		return heard{}, fmt.Errorf("%s answered with no transcript: %.*s", req.URL.Redacted(), program.MaxSaid, program.OneLine(string(raw)))
	}
	return h, nil
}

type alignIn struct {
	Audio sdk.Artifact `spin:"audio" accept:"audio/*|video/*" doc:"Speech: WAV, or what ffmpeg reads"`
	Text  string       `spin:"text" doc:"What is said in it, word for word"`
	Voice string       `spin:"voice,optional" doc:"The language, such as de"`
}

type alignOut struct {
	Words    []timing.Word    `spin:"words" doc:"When each word is said"`
	Phonemes []timing.Phoneme `spin:"phonemes" doc:"When each sound is made; none where espeak-ng is not installed"`
	Seconds  float64          `spin:"seconds" doc:"How long it is"`
}

func alignNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "voice.align", Description: "Says when each word and each sound of a text is said in a recording: for captions, and for lips.", Revision: "1", Idempotent: true, Concurrency: 4,
		Examples: []sdk.Example{{Title: "For lips", HCL: "node \"voice.align\" \"lips\" {\n  audio = node.speech.audio\n  text  = var.text\n}\n"}},
	}, func(ctx context.Context, in alignIn, t *sdk.Task) (alignOut, error) {
		text, err := timing.Clean(in.Text)
		if err != nil {
			return alignOut{}, err
		}
		s, err := audio.Listen(ctx, in.Audio, t.Scratch)
		if err != nil {
			return alignOut{}, err
		}
		words := timing.Words(ctx, text, in.Voice, s)
		return alignOut{words, timing.Phonemes(ctx, words, in.Voice), timing.Millis(s.Seconds())}, ctx.Err()
	})
}
