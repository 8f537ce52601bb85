package outbound

import (
	"io"
	"net/http"
	"testing"
)

// TestDownloads: files that people name come from where control nodes may go, and private addresses need a word more.
func TestDownloads(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	t.Cleanup(c.Close)
	at, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/file":
			_, _ = io.WriteString(w, "the file")
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		default:
			http.Redirect(w, r, r.URL.RawQuery, http.StatusFound)
		}
	})
	for _, q := range []struct {
		url              string
		allowed          bool // private addresses
		refused, private bool // what the error is
	}{
		{at + "/file", true, false, false},
		{at + "/to?/file", true, false, false},
		{at + "/file", false, true, true},
		{at + "/loop", true, true, false},
		{at + "/to?ftp://files.example/x", true, true, false},
		{at + "/to?http://169.254.169.254/x", true, true, false},
		{"http://169.254.169.254/x", true, true, false},
		{"http://169.254.169.254/x", false, true, false},
	} {
		resp, err := c.Downloads(q.allowed).Get(q.url)
		if err == nil {
			raw, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(raw) != "the file" {
				t.Errorf("%+v gives %q", q, raw)
			}
		}
		if (err != nil) != q.refused || IsRefused(err) != q.refused || IsPrivate(err) != q.private {
			t.Errorf("%+v: %v", q, err)
		}
	}
}
