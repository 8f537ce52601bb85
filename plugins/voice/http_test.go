package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/engine"
	"github.com/myspinbot/spinbot/plugins/voice/voicetest"
	"github.com/myspinbot/spinbot/sdk"
)

// service is a speech service; the speaker that comes with it asks it with a key.
func service(t *testing.T, answer http.HandlerFunc) *speaker {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close) // waits for the handlers
	s := &speaker{}
	if err := s.configure(config{Config: engine.Config{URL: srv.URL, Key: "sesame", Model: "kokoro"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	var path, key string
	var asked map[string]any
	s := service(t, func(w http.ResponseWriter, r *http.Request) {
		path, key = r.URL.Path, r.Header.Get("Authorization")
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		w.Write(speech(0.3, 0.5, 0.3, 0.5).WAV())
	})
	for voice, want := range map[string]string{"": "alloy", "en-us": "alloy", "de": "alloy", "af_bella": "af_bella", "ash": "ash"} {
		text := `Say "this", please.`
		out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": text, "voice": voice, "rate": number(330), "engine": "http"}})
		if err != nil {
			t.Fatal(err)
		}
		check(t, text, out)
		if out.Engine != "http" || out.Voice != want || out.Seconds < 1.3 || out.Seconds > 1.5 {
			t.Errorf("voice %q: got %+v", voice, out)
		}
		if path != "/v1/audio/speech" || key != "Bearer sesame" || asked["input"] != text || asked["voice"] != want ||
			asked["model"] != "kokoro" || asked["response_format"] != "wav" || asked["speed"] != 2.0 {
			t.Errorf("voice %q: asked %s for %v with key %q", voice, path, asked, key)
		}
	}
}

// TestWordsFollowTheLanguage times words in the language that was asked for, whoever speaks.
func TestWordsFollowTheLanguage(t *testing.T) {
	t.Parallel()
	voicetest.Need(t, "espeak-ng")
	s := service(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(speech(0.3, 1).WAV()) })
	ends := map[string]float64{}
	for _, voice := range []string{"en-us", "de"} {
		out, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Orange Orangenbaum", "voice": voice, "engine": "http"}})
		if err != nil {
			t.Fatal(err)
		}
		ends[voice] = out.Words[0].End
	}
	if ends["en-us"] == ends["de"] {
		t.Errorf("the first word ends alike: %v", ends)
	}
}

// TestHTTPFails goes on to espeak-ng when it may, and explains itself when it may not.
func TestHTTPFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			w.Write([]byte("{\"error\":\n \"no model\x1b[1m\xff\"}" + strings.Repeat("z", 9000)))
		}, `/v1/audio/speech answered 500 Internal Server Error: {"error": "no model [1m` + "\uFFFD" + `"}zzz`},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<!DOCTYPE html>")) }, `no WAV file (it begins with "<!DOCTYPE ht")`},
		"nothing": {func(http.ResponseWriter, *http.Request) {}, "no WAV file"},
		"silence": {func(w http.ResponseWriter, _ *http.Request) { w.Write(speech(0, 1).WAV()) }, "silent"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			w.Write([]byte("RIFF"))
		}, "unexpected EOF"},
		"gone":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"redirecting": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "10 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := service(t, c.answer)
			_, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "engine": "http"}})
			voicetest.Explained(t, err, false, "http: ", c.says, "mend the engine")
			if len(err.Error()) > 900 || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("a message of %d bytes: %q", len(err.Error()), err)
			}
			voicetest.Need(t, "espeak-ng")
			var said []string
			task := (sdk.Task{Inputs: sdk.Values{"text": "Hi", "engines": []any{"http", "espeak-ng"}}}).WithReporter(func(r sdk.Report) { said = append(said, r.Message) })
			out, err := say(t, t.Context(), s, task)
			if err != nil || out.Engine != "espeak-ng" {
				t.Fatalf("got %+v, %v", out, err)
			}
			log := strings.Join(said, "\n")
			if !strings.Contains(log, "in order: http, espeak-ng") || !strings.Contains(log, "passed over: http: ") || !strings.Contains(log, c.says) {
				t.Errorf("its log says:\n%s", log)
			}
		})
	}
}

// TestHTTPHangs cancels a task whose service does not answer; no other engine is asked then.
func TestHTTPHangs(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("changed my mind")
	s := service(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice that its client went away
		cancel(why)
		<-r.Context().Done()
	})
	if _, err := say(t, ctx, s, &sdk.Task{Inputs: sdk.Values{"text": "Hi"}}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

// TestHTTPSecrets looks for what the URL and the key hold in errors.
func TestHTTPSecrets(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	for _, url := range []string{"http://me:hunter2@" + host, "http://me:hunter2@127.0.0.1:1", "gopher://me:hunter2@" + host, "http://me:hunter2@:x"} {
		s := &speaker{}
		if err := s.configure(config{Config: engine.Config{URL: url, Key: "sesame"}}); err != nil {
			t.Fatal(err)
		}
		_, err := say(t, t.Context(), s, &sdk.Task{Inputs: sdk.Values{"text": "Hi", "engine": "http"}})
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}
