package host

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestRefusedWhileClosing: what a host refuses because it ends is told to whoever asked, and is no error in its log.
func TestRefusedWhileClosing(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := open(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	long := submit(t, h.Client(), waits(1, "1h"))
	until(t, h.Client(), long.ID, started("n0"))
	path, err := h.cfg.State.Socket()
	if err != nil {
		t.Fatal(err)
	}
	c := client.Unix(path)
	defer c.Close()
	patience, enough := context.WithCancel(t.Context())
	closed := make(chan error, 1)
	go func() { closed <- h.Close(patience) }()
	for t.Context().Err() == nil {
		_, err := c.Submit(t.Context(), client.Submission{Pipeline: client.Source{Text: "pipeline \"x\" {}\noutput \"y\" { value = 1 }\n"}})
		var p *client.Problem
		if errors.As(err, &p) && p.Status == http.StatusServiceUnavailable {
			break
		}
		if err != nil {
			t.Error(err)
			break
		}
	}
	c.Close()
	enough()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("the log says\n%s", log.String())
	}
}
