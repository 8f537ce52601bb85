package api

import (
	"context"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeAssets has one asset, and writes down what it is asked.
type fakeAssets struct{ runs *fakeRuns }

func (f fakeAssets) List(_ context.Context, q client.AssetQuery) ([]client.Asset, error) {
	return nil, f.runs.note("assets %q %q", q.Kind, q.Text)
}

func (f fakeAssets) Show(_ context.Context, kind, name string) (client.Asset, error) {
	return client.Asset{Kind: kind, Name: name}, f.runs.note("asset %s %s", kind, name)
}

func (f fakeAssets) Add(_ context.Context, kind, name string, n client.NewAssetVersion, _ string) (client.Asset, error) {
	return client.Asset{Kind: kind, Name: name, Count: 1}, f.runs.note("add %s %s %s %s", kind, name, n.Artifact.Digest, n.Consent.By)
}

func (f fakeAssets) Change(_ context.Context, kind, name string, number int, edit *client.AssetEdit, _ string) (client.Asset, error) {
	return client.Asset{Kind: kind, Name: name}, f.runs.note("change %s %s %d %t", kind, name, number, edit == nil)
}

// TestAssets: what is asked arrives, and what cannot be meant is refused before.
func TestAssets(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	var l client.AssetList
	b.get(t, "/api/v1/assets?kind=voice&q=an").into(t, &l)
	if l.Version != client.ShapeVersion || l.Assets == nil {
		t.Errorf("%+v", l)
	}
	b.get(t, "/api/v1/assets?kind=noise").problem(t, 400, client.CodeBadRequest, "kind")
	var a client.Asset
	b.get(t, "/api/v1/assets/voice/anna").into(t, &a)
	if a.Name != "anna" {
		t.Errorf("%+v", a)
	}
	b.post(t, "/api/v1/assets/noise/anna/versions", `{"artifact": {"$artifact": "sha256:1", "media_type": "audio/wav", "size": 1, "name": "a.wav"}}`).problem(t, 400, client.CodeBadRequest, "kind")
	b.post(t, "/api/v1/assets/voice/anna/versions", `{}`).problem(t, 400, client.CodeBadRequest, "artifact")
	b.post(t, "/api/v1/assets/voice/anna/versions", `{"artifact": {"$artifact": "sha256:1", "media_type": "audio/wav", "size": 1, "name": "a.wav"},
		"consent": {"by": "Anna", "on": "2026-11-27", "for": "films"}}`).into(t, &a)
	if a.Count != 1 {
		t.Errorf("%+v", a)
	}
	if _, err := b.unix.EditAsset(t.Context(), "voice", "anna", 2, client.AssetEdit{Withdraw: true}); err != nil {
		t.Error(err)
	}
	if _, err := b.unix.RemoveAsset(t.Context(), "voice", "anna", 2); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(b.runs.told, ", "), `assets "voice" "an", asset voice anna, add voice anna sha256:1 Anna, change voice anna 2 false, change voice anna 2 true`; got != want {
		t.Errorf("asked was: %s", got)
	}
}
