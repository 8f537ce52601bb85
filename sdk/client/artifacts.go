package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Waveform is how loud a sound is over its time.
type Waveform struct {
	Version int `json:"version"`
	// Peaks are how loud each of as many equal stretches is at its loudest, from 0 to 1.
	Peaks []float64 `json:"peaks"`
}

// ArtifactInfo is what is known of an artifact.
type ArtifactInfo struct {
	Version   int    `json:"version"`
	Digest    string `json:"digest"`
	MediaType string `json:"media_type"` // told from its bytes
	Size      int64  `json:"size"`
	// Names are what runs call it.
	Names []string `json:"names"`
	// Created is when the first attempt that made it ended, of runs that are still there.
	Created *time.Time `json:"created,omitempty"`
	// Width and Height are those of a picture or a film, in pixels; Seconds how long a film or a sound lasts. 0: unknown.
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// RunArtifact is a file that a run was given, or has made.
type RunArtifact struct {
	Digest    string `json:"digest"`
	MediaType string `json:"media_type"` // as the run has it
	Size      int64  `json:"size"`
	Name      string `json:"name"`
	Run       string `json:"run"`
	Pipeline  string `json:"pipeline"`
	// At is the address of the attempt that made it, or of the run that was given it.
	At      string     `json:"at"`
	Created *time.Time `json:"created,omitempty"` // when that was recorded
	// Score is how like what it is about was looked for: 1 is the same. Of a list by About alone.
	Score *float64 `json:"score,omitempty"`
}

// ArtifactList is a page of the files of runs, the newest first, or those that are most about something; of each run a file once.
type ArtifactList struct {
	Version   int           `json:"version"`
	Artifacts []RunArtifact `json:"artifacts"`
	// Next, when set, is the Before of the page behind it.
	Next string `json:"next,omitempty"`
	// Total is how many there are from Before on, on all pages. Only when Count was asked for.
	Total *int `json:"total,omitempty"`
}

// ArtifactQuery selects files of runs.
type ArtifactQuery struct {
	Run, Pipeline string // a whole id, and a name; empty: all
	MediaType     string // how it begins; empty: all
	Text          string // in the name; empty: all
	About         string // what they are about, in words, nearest first; empty: the newest first
	Before        string // what the page before gave as Next
	Skip          int    // how many are left out from there on
	Limit         int    // 0: 100
	Count         bool   // say how many there are
}

// Artifacts lists the files of runs.
func (c *Client) Artifacts(ctx context.Context, q ArtifactQuery) (l ArtifactList, err error) {
	v := url.Values{}
	for name, text := range map[string]string{"run": q.Run, "pipeline": q.Pipeline, "media_type": q.MediaType, "q": q.Text, "about": q.About, "before": q.Before} {
		if text != "" {
			v.Set(name, text)
		}
	}
	for name, n := range map[string]int{"skip": q.Skip, "limit": q.Limit} {
		if n > 0 {
			v.Set(name, strconv.Itoa(n))
		}
	}
	if q.Count {
		v.Set("count", "true")
	}
	return l, c.call(ctx, http.MethodGet, "/api/v1/artifacts?"+v.Encode(), nil, &l)
}

// Lineage is where an artifact comes from, and what became of it.
type Lineage struct {
	Version int    `json:"version"`
	Digest  string `json:"digest"`
	// Made are the attempts that made it, then those that made what they used, and so on; Used those that used it, and so on.
	Made []LineageAttempt `json:"made"`
	Used []LineageAttempt `json:"used"`
	// Cut: there is more than is listed, or more than can be told.
	Cut bool `json:"cut"`
}

// LineageAttempt is an attempt that made or used artifacts.
type LineageAttempt struct {
	At       string     `json:"at"` // its address, with the run
	Type     string     `json:"type"`
	Pipeline string     `json:"pipeline"`
	Ended    *time.Time `json:"ended,omitempty"`
	// Source is the address of the attempt whose result it is, when it was cached.
	Source string         `json:"source,omitempty"`
	Uses   []sdk.Artifact `json:"uses"`
	Makes  []sdk.Artifact `json:"makes"`
}

// ArtifactInfo says what is known of an artifact.
func (c *Client) ArtifactInfo(ctx context.Context, digest string) (i ArtifactInfo, err error) {
	return i, c.call(ctx, http.MethodGet, artifactPath(digest, "info"), nil, &i)
}

// Lineage says where an artifact comes from and what became of it, as far as so many steps from it; 0: all of it.
func (c *Client) Lineage(ctx context.Context, digest string, depth int) (l Lineage, err error) {
	return l, c.call(ctx, http.MethodGet, artifactPath(digest, "lineage")+number("depth", depth), nil, &l)
}

// Thumbnail gives a JPEG of a picture, or of a frame that stands for a film, of at most so many pixels' width; 0: the host's choice.
func (c *Client) Thumbnail(ctx context.Context, digest string, width int) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, artifactPath(digest, "thumbnail")+number("width", width), "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Waveform gives at most so many peaks of a sound; 0: the host's choice.
func (c *Client) Waveform(ctx context.Context, digest string, peaks int) (w Waveform, err error) {
	return w, c.call(ctx, http.MethodGet, artifactPath(digest, "waveform")+number("peaks", peaks), nil, &w)
}

func artifactPath(digest, what string) string {
	return "/api/v1/artifacts/" + url.PathEscape(digest) + "/" + what
}

// number is a query of one number, unless that is 0.
func number(name string, n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("?%s=%d", name, n)
}

// SearchState is whether files are found by what they are about, and how many of them are.
type SearchState struct {
	Version int  `json:"version"`
	On      bool `json:"on"`
	// Model makes the vectors, of so many numbers; 0: it has made none since the host began.
	Model      string `json:"model,omitempty"`
	Dimensions int    `json:"dimensions,omitempty"`
	// Files there are; of so many it is Described what they are about, and of Failed that cannot be.
	Files     int `json:"files"`
	Described int `json:"described"`
	Failed    int `json:"failed"`
	// Problem is why no more are described now; empty: nothing is in the way.
	Problem string `json:"problem,omitempty"`
	// Index is what finds the nearest, such as pgvector and its version; empty: all are compared.
	Index string `json:"index,omitempty"`
}

// Search says how far searching by meaning is.
func (c *Client) Search(ctx context.Context) (s SearchState, err error) {
	return s, c.call(ctx, http.MethodGet, "/api/v1/search", nil, &s)
}
