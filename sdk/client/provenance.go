package client

import (
	"context"
	"net/http"
	"net/url"
)

// Provenance is the signed provenance of an artifact: a DSSE envelope around an in-toto Statement.
type Provenance struct {
	PayloadType string                `json:"payloadType"`
	Payload     string                `json:"payload"` // in base64
	Signatures  []ProvenanceSignature `json:"signatures"`
}

// ProvenanceSignature is a signature in base64, and the id of the key.
type ProvenanceSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// ProvenanceKeys are the public keys that provenance of this host is signed with, and was: in PEM form, the newest last.
type ProvenanceKeys struct {
	Version int    `json:"version"`
	Keys    string `json:"keys"`
}

// Provenance says how an artifact was made, signed. run is the run that made it; empty: whichever.
func (c *Client) Provenance(ctx context.Context, digest, run string) (p Provenance, err error) {
	query := ""
	if run != "" {
		query = "?" + url.Values{"run": {run}}.Encode()
	}
	return p, c.call(ctx, http.MethodGet, artifactPath(digest, "provenance")+query, nil, &p)
}

// ProvenanceKeys gives the host's public keys.
func (c *Client) ProvenanceKeys(ctx context.Context) (k ProvenanceKeys, err error) {
	return k, c.call(ctx, http.MethodGet, "/api/v1/provenance/keys", nil, &k)
}
