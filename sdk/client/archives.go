package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Origin says where an imported run is from.
type Origin struct {
	Host string    `json:"host"` // that it was carried out by, or that had it last
	At   time.Time `json:"at"`   // when it was imported
}

// RunArchive is what an archive of a run has in it, as it says itself.
type RunArchive struct {
	Run      string    `json:"run"`
	Pipeline string    `json:"pipeline"`
	State    string    `json:"state"`
	Created  time.Time `json:"created"`
	Ended    time.Time `json:"ended"`
	Events   uint64    `json:"events"`
	Host     string    `json:"host"`    // that wrote it
	Program  string    `json:"program"` // the version of spinbot that did
	Made     time.Time `json:"made"`
	// Files are what the run calls by a name, at most 100 of them; Artifacts counts all, Bytes are theirs.
	Files     []ArchivedFile `json:"files"`
	Artifacts int            `json:"artifacts"`
	Bytes     int64          `json:"bytes"`
	// Withheld counts artifacts that stayed at the host, since they are part of sensitive values or lost.
	Withheld int `json:"withheld"`
}

// ArchivedFile is a file in an archive.
type ArchivedFile struct {
	Digest    string `json:"digest"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"`
	Name      string `json:"name"`
}

// ImportedRun is what became of an archive.
type ImportedRun struct {
	Version int        `json:"version"`
	Archive RunArchive `json:"archive"`
	// There: the host has the run already, and nothing has changed.
	There bool `json:"there"`
}

// ExportRun streams the archive of a run that has ended. It is whole when archive's reader says so, not before.
func (c *Client) ExportRun(ctx context.Context, id string) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, runPath(id, "/archive"), "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// ImportRun has the host take in a run from an archive. from is what the host that it is from is called there; empty: as the archive
// says.
func (c *Client) ImportRun(ctx context.Context, r io.Reader, from string) (i ImportedRun, err error) {
	res, err := c.do(ctx, http.MethodPost, "/api/v1/imports/run?from="+url.QueryEscape(from), "application/x-tar", r)
	if err != nil {
		return i, err
	}
	defer res.Body.Close()
	return i, read(res, &i)
}

// Backup streams the state of the host: see ExportRun.
func (c *Client) Backup(ctx context.Context) (io.ReadCloser, error) {
	res, err := c.do(ctx, http.MethodGet, "/api/v1/backup", "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
