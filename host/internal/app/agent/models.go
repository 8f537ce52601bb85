package agent

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/models"
)

// stocked tells hosts of other model files, or of how far one is that comes.
func (a *Agent) stocked(files bool) {
	if a.link != nil {
		a.link.Changed(files)
	}
}

// hostPatience is how long a host may take to begin with a file: who has it may have to hash it first.
const hostPatience = 16 * time.Minute

// fetch has a model file come. What becomes of it is in the beats.
func (a *Agent) fetch(o protocol.Fetch) {
	if a.machine.Models == nil { // the host knew otherwise: an earlier process had them
		a.cfg.Log.Warn("a model is not fetched: this machine has no models block in its spinbot.hcl", "model", o.Name)
		return
	}
	w := models.Want{Name: o.Name, Digest: o.Digest, From: o.From}
	if o.URL != "" {
		w.Source = a.machine.FromURL(o.Name, o.URL)
	} else {
		w.Source = models.HTTP{Client: http.DefaultClient, Wait: hostPatience, Request: func(ctx context.Context) (string, string, error) {
			info, err := a.link.Host(ctx, o.Host)
			return strings.TrimSuffix(info.URL, "/") + "/models?" + url.Values{"agent": {o.Agent}, "name": {o.Name}}.Encode(), info.Token, err
		}}
	}
	a.machine.Models.Begin(w)
}

// send brings a model file to a host. Whoever waits there sees when it does not come.
func (a *Agent) send(o protocol.Send) {
	if a.machine.Models == nil {
		return
	}
	a.machine.Models.Background(func(ctx context.Context) {
		info, err := a.link.Host(ctx, o.Host)
		if err == nil {
			err = a.machine.Models.Send(ctx, http.DefaultClient, strings.TrimSuffix(info.URL, "/")+"/"+o.Path, info.Token, o.Name, o.Offset)
		}
		if err != nil && ctx.Err() == nil {
			a.cfg.Log.Warn("a model was not sent", "model", o.Name, "host", o.Host, "error", err)
		}
	})
}
