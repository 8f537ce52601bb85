package engine

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
)

// TestHTTPTooBig stops reading an answer that would never end.
func TestHTTPTooBig(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close) // waits for the handlers
	s := &Speaker{}
	if err := s.Configure(Config{URL: srv.URL}); err != nil {
		t.Fatal(err)
	}
	_, _, err := httpEngine{s.config, 10_000}.say(t.Context(), Request{Text: "Hi", Rate: DefaultRate})
	if err == nil || !strings.Contains(err.Error(), "more than 10000 bytes") {
		t.Errorf("got %v", err)
	}
	if e, ok := s.engine("http").(httpEngine); !ok || e.limit != audio.MaxWAV {
		t.Errorf("the speaker's engine takes %d bytes", e.limit)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://127.0.0.1:8880":                  "http://127.0.0.1:8880/v1/audio/speech",
		"http://127.0.0.1:8880/":                 "http://127.0.0.1:8880/v1/audio/speech",
		"https://speech.test/v1":                 "https://speech.test/v1/audio/speech",
		"https://speech.test/v1/":                "https://speech.test/v1/audio/speech",
		"https://speech.test/tts":                "https://speech.test/tts/v1/audio/speech",
		"https://speech.test/api/audio/speech":   "https://speech.test/api/audio/speech",
		"https://speech.test/api/audio/speech//": "https://speech.test/api/audio/speech",
	} {
		e := httpEngine{Config: Config{URL: url}}
		if err := e.ready(t.Context(), ""); err != nil || e.endpoint() != want {
			t.Errorf("%s: got %s, %v; want %s", url, e.endpoint(), err, want)
		}
	}
	for _, url := range []string{"", "127.0.0.1:8880", "localhost:8880", "ftp://speech.test", "http://", "/v1", "http://a b"} {
		if err := (httpEngine{Config: Config{URL: url}}).ready(t.Context(), ""); err == nil {
			t.Errorf("%q is taken for a URL", url)
		}
	}
}
