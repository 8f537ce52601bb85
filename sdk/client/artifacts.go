package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Waveform is how loud a sound is over its time.
type Waveform struct {
	Version int `json:"version"`
	// Peaks are how loud each of as many equal stretches is at its loudest, from 0 to 1.
	Peaks []float64 `json:"peaks"`
}

// Thumbnail gives a JPEG of a picture, or of the first frame of a film, of at most so many pixels' width; 0: the host's choice.
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
