package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Asset is a named, versioned pointer to artifacts: asset("voice/anna") in a pipeline.
type Asset struct {
	Kind string `json:"kind" enum:"voice,face,lora,style,prompt"`
	Name string `json:"name"`
	// Count is how many versions there are.
	Count int `json:"count"`
	// Versions are the newest first; in a list the newest alone.
	Versions []AssetVersion `json:"versions"`
}

// AssetVersion is one version of an asset.
type AssetVersion struct {
	Number    int           `json:"number"` // from 1; that of a version that was removed is not given again
	Artifact  sdk.Artifact  `json:"artifact"`
	Thumbnail *sdk.Artifact `json:"thumbnail,omitempty"` // a picture of it
	Note      string        `json:"note,omitempty"`
	Licence   AssetLicence  `json:"licence"`
	// Consent is what the person behind a voice or a face has agreed to; absent: nobody has recorded it.
	Consent *AssetConsent `json:"consent,omitempty"`
	Creator string        `json:"creator,omitempty"`
	Created time.Time     `json:"created"`
	// Made is the address of the attempt that made the artifact; absent: it was uploaded, or nobody knew any more.
	Made string `json:"made,omitempty"`
	// From is what it was made of that has a licence, whose terms hold for it, too.
	From []AssetSource `json:"from,omitempty"`
	// Refused says why it may not be used now, and Fix what to do; absent: it may, but perhaps not commercially.
	Refused string `json:"refused,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

// AssetSource is an asset or a model that another was made of.
type AssetSource struct {
	Name    string       `json:"name"`
	Licence AssetLicence `json:"licence"`
}

// AssetLicence is on what terms an asset may be used.
type AssetLicence struct {
	ID string `json:"id,omitempty"` // of SPDX, or in somebody's own words
	// Commercial says whether it allows a use that earns money; absent in what is sent: unknown.
	Commercial string `json:"commercial,omitempty" enum:"yes,no,unknown"`
}

// AssetConsent is what somebody has agreed to. Who recorded it, and when, is for the host to say.
type AssetConsent struct {
	By       string     `json:"by"`  // who gave it
	On       string     `json:"on"`  // the day, such as 2026-11-27
	For      string     `json:"for"` // what for
	Recorder string     `json:"recorder,omitempty"`
	Recorded *time.Time `json:"recorded,omitempty"`
}

// AssetList is the library, by kind and name.
type AssetList struct {
	Version int     `json:"version"`
	Assets  []Asset `json:"assets"`
}

// NewAssetVersion adds a version to an asset, or makes the asset. What is not said is not taken over from the version before.
type NewAssetVersion struct {
	// Artifact is one that the host has: uploaded, or made by a run.
	Artifact  sdk.Artifact  `json:"artifact"`
	Thumbnail *sdk.Artifact `json:"thumbnail,omitempty"`
	Note      string        `json:"note,omitempty"`
	Licence   AssetLicence  `json:"licence,omitempty"`
	Consent   *AssetConsent `json:"consent,omitempty"`
}

// AssetEdit changes what is said of a version. What is absent stays.
type AssetEdit struct {
	Note      *string       `json:"note,omitempty"`
	Licence   *AssetLicence `json:"licence,omitempty"`
	Consent   *AssetConsent `json:"consent,omitempty"`
	Withdraw  bool          `json:"withdraw,omitempty"` // the consent: there is none any more
	Thumbnail *sdk.Artifact `json:"thumbnail,omitempty"`
	// DropThumbnail leaves it without one.
	DropThumbnail bool `json:"drop_thumbnail,omitempty"`
}

// AssetQuery selects assets.
type AssetQuery struct {
	Kind string // empty: all
	Text string // in the name, the newest note or the licence; empty: all
}

// Assets lists the library.
func (c *Client) Assets(ctx context.Context, q AssetQuery) (l AssetList, err error) {
	v := url.Values{}
	for name, text := range map[string]string{"kind": q.Kind, "q": q.Text} {
		if text != "" {
			v.Set(name, text)
		}
	}
	return l, c.call(ctx, http.MethodGet, "/api/v1/assets?"+v.Encode(), nil, &l)
}

// Asset gives an asset with all its versions.
func (c *Client) Asset(ctx context.Context, kind, name string) (a Asset, err error) {
	return a, c.call(ctx, http.MethodGet, assetPath(kind, name), nil, &a)
}

// AddAsset adds a version, which becomes the newest one.
func (c *Client) AddAsset(ctx context.Context, kind, name string, n NewAssetVersion) (a Asset, err error) {
	return a, c.call(ctx, http.MethodPost, assetPath(kind, name)+"/versions", n, &a)
}

// EditAsset changes what is said of a version.
func (c *Client) EditAsset(ctx context.Context, kind, name string, number int, e AssetEdit) (a Asset, err error) {
	return a, c.call(ctx, http.MethodPatch, assetPath(kind, name)+"/versions/"+strconv.Itoa(number), e, &a)
}

// RemoveAsset removes a version, and gives what is left of the asset. Runs that used it keep it.
func (c *Client) RemoveAsset(ctx context.Context, kind, name string, number int) (a Asset, err error) {
	return a, c.call(ctx, http.MethodDelete, assetPath(kind, name)+"/versions/"+strconv.Itoa(number), nil, &a)
}

func assetPath(kind, name string) string {
	return "/api/v1/assets/" + url.PathEscape(kind) + "/" + url.PathEscape(name)
}
