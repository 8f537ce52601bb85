package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/previews"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fakePreviews gives what it is told, and says with what it was asked.
type fakePreviews struct {
	out   sdk.Values
	err   error
	asked string
}

func (f *fakePreviews) Make(_ context.Context, nodeType string, a sdk.Artifact, inputs sdk.Values) (sdk.Values, error) {
	f.asked = fmt.Sprint(nodeType, " ", a.MediaType, " ", inputs)
	return f.out, f.err
}

const wav = "RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"

func TestPreviews(t *testing.T) {
	t.Parallel()
	f := &fakePreviews{}
	b := start(t, func(c *Config) { c.Files.Previews = f })
	picture, sound := b.upload(t, "", png), b.upload(t, "", wav)
	small := b.upload(t, "", "\xff\xd8\xff\xe0 small")
	f.out = sdk.Values{"picture": small, "peaks": []any{0.5, 1}}
	at := "/api/v1/artifacts/"
	got := b.get(t, at+picture.Digest+"/thumbnail?width=64")
	if got.status != 200 || got.body != "\xff\xd8\xff\xe0 small" || got.header.Get("Content-Type") != "image/jpeg" || got.header.Get("ETag") != `"`+small.Digest+`"` || !strings.Contains(got.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("got %+v", got)
	}
	if f.asked != "render.thumbnail image/png map[width:64]" {
		t.Error(f.asked)
	}
	if got := b.get(t, at+picture.Digest+"/thumbnail", "If-None-Match: "+got.header.Get("ETag")); got.status != 304 {
		t.Errorf("got %+v", got)
	}
	w, err := b.unix.Waveform(t.Context(), sound.Digest, 2)
	if err != nil || len(w.Peaks) != 2 || w.Peaks[0] != 0.5 || f.asked != "render.waveform audio/wav map[peaks:2]" {
		t.Errorf("%+v %v %s", w, err, f.asked)
	}
	if got := b.get(t, at+sound.Digest+"/waveform?format=png"); got.status != 200 || got.body != "\xff\xd8\xff\xe0 small" {
		t.Errorf("got %+v", got)
	}
}

func TestPreviewsRefuse(t *testing.T) {
	t.Parallel()
	f := &fakePreviews{}
	b := start(t, func(c *Config) { c.Files.Previews = f })
	picture, sound, words, drawing := b.upload(t, "", png).Digest, b.upload(t, "", wav).Digest, b.upload(t, "", "words").Digest, b.upload(t, "", `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`).Digest
	for path, c := range map[string]struct {
		err          error
		status       int
		code, detail string
	}{
		digestOf("x") + "/thumbnail":       {nil, 404, client.CodeNotFound, ""},
		"x/waveform":                       {nil, 404, client.CodeNotFound, ""},
		words + "/thumbnail":               {nil, 415, client.CodeUnsupported, "text/plain"},
		sound + "/thumbnail":               {nil, 415, client.CodeUnsupported, "audio/wav"},
		drawing + "/thumbnail":             {nil, 415, client.CodeUnsupported, "svg"},
		picture + "/waveform":              {nil, 415, client.CodeUnsupported, "no sound (image/png)"},
		picture + "/thumbnail?width=15":    {nil, 400, client.CodeBadRequest, "16"},
		picture + "/thumbnail?width=1e3":   {nil, 400, client.CodeBadRequest, "1e3"},
		picture + "/thumbnail?width=99999": {nil, 400, client.CodeBadRequest, "1920"},
		sound + "/waveform?peaks=0":        {nil, 400, client.CodeBadRequest, "4000"},
		sound + "/waveform?format=svg":     {nil, 400, client.CodeBadRequest, "svg"},
		sound + "/waveform?":               {previews.ErrBusy, 503, client.CodeUnavailable, "too many"},
		picture + "/thumbnail?":            {&sdk.Error{Cause: sdk.CauseFailed, Permanent: true, Message: "it is damaged", Hint: "look at it"}, 415, client.CodeUnsupported, "damaged"},
		picture + "/thumbnail?width=20":    {&sdk.Error{Cause: sdk.CauseRefused, Permanent: true, Message: "ffmpeg is not installed"}, 503, client.CodeUnavailable, "ffmpeg"},
		picture + "/thumbnail?width=21":    {&sdk.Error{Cause: sdk.CauseHung, Message: "it took longer"}, 503, client.CodeUnavailable, "longer"},
		picture + "/thumbnail?width=22":    {&client.Problem{Code: client.CodeUnavailable, Detail: "no plugin", Fix: "spinbot plugins trust render"}, 503, client.CodeUnavailable, "no plugin"},
	} {
		f.err = c.err
		b.get(t, "/api/v1/artifacts/"+path).problem(t, c.status, c.code, c.detail)
	}
}
