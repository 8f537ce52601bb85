package client

import (
	"context"
	"net/http"
	"time"
)

// Model is a model file: known by its kind and its path, such as loras/ink.safetensors.
type Model struct {
	Name string `json:"name"`
	// Copies are the machines that have it.
	Copies []ModelCopy `json:"copies"`
	// Source is where the host's configuration says that it may be fetched from.
	Source *ModelSource `json:"source,omitempty"`
}

// ModelCopy is a model file on one machine.
type ModelCopy struct {
	Agent string `json:"agent"` // its id; local is the host's own machine
	Name  string `json:"name"`  // what people call the machine
	Size  int64  `json:"size"`  // in bytes
	// Digest is not there before somebody has asked for it: it takes reading the whole file.
	Digest  string `json:"digest,omitempty"`
	Offline bool   `json:"offline,omitempty"`
}

// ModelSource is where a model file may be fetched from.
type ModelSource struct {
	URL    string `json:"url"`
	Digest string `json:"digest"`
	Auto   bool   `json:"auto,omitempty"` // it is fetched by itself when a task waits for it
}

// ModelFetch is a model file on its way to a machine, or one that did not come.
type ModelFetch struct {
	Model   string    `json:"model"`
	Agent   string    `json:"agent"` // the machine's id
	Name    string    `json:"name"`  // what people call it
	From    string    `json:"from"`
	Done    int64     `json:"done"`            // bytes
	Total   int64     `json:"total,omitempty"` // 0: not known yet
	Error   string    `json:"error,omitempty"` // why it did not come
	Started time.Time `json:"started"`
}

// ModelList is what GET /api/v1/models answers.
type ModelList struct {
	Version  int          `json:"version"`
	Models   []Model      `json:"models"`
	Fetching []ModelFetch `json:"fetching"`
	// Silent are the machines that do not say which model files they have: they get tasks whatever those need.
	Silent []string `json:"silent"`
}

// ModelRequest asks for a model file on a machine.
type ModelRequest struct {
	Model string `json:"model"`           // its name
	Agent string `json:"agent,omitempty"` // the machine's name or id; empty: the host's own
	// From is the name or id of a machine that has it, or a URL. Empty: a machine that has it, else where the configuration
	// says that it is.
	From   string `json:"from,omitempty"`
	Digest string `json:"digest,omitempty"` // what it has to be; a URL needs one
}

// ModelRemoval names a model file on a machine that is not wanted there any more.
type ModelRemoval struct {
	Model string `json:"model"`           // its name
	Agent string `json:"agent,omitempty"` // the machine's name or id; empty: the host's own
}

// Models lists the model files of all machines.
func (c *Client) Models(ctx context.Context) (l ModelList, err error) {
	return l, c.call(ctx, http.MethodGet, "/api/v1/models", nil, &l)
}

// FetchModel has a machine fetch a model file, and gives that as it stands: Models tells how it goes on. One that is there
// already has nothing but Done and Total.
func (c *Client) FetchModel(ctx context.Context, r ModelRequest) (f ModelFetch, err error) {
	return f, c.call(ctx, http.MethodPost, "/api/v1/models/fetch", r, &f)
}

// RemoveModel has a machine delete a model file, and gives what that was. It stays while a task uses it, and where it is only a
// link to a place outside the folders of models.
func (c *Client) RemoveModel(ctx context.Context, r ModelRemoval) (m ModelCopy, err error) {
	return m, c.call(ctx, http.MethodPost, "/api/v1/models/remove", r, &m)
}
