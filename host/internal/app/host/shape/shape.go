// Package shape is how what the host has crosses the API: runs, devices and diagnostics as the API shows them, addresses as people
// write them, and refusals as problems that say what to do.
package shape

import (
	"errors"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Address reads an address within a run; a bare name is that of a gate or a node.
func Address(id, text string) (sdk.Address, error) {
	if text == "" {
		return sdk.Address{Run: id}, nil
	}
	a, err := sdk.ParseAddress(id + "/" + text)
	if err != nil {
		return a, &client.Problem{Code: client.CodeBadRequest, Detail: err.Error(), Fix: "write it like node.shot[2], gate.review or module.finish/node.mix"}
	}
	return a, nil
}

// Problem gives the engine's refusals their code.
func Problem(err error) error {
	var wrong diagnostic.Diagnostics
	var secret *secrets.Error
	var taken *store.NotOwnedError
	switch {
	case errors.As(err, &taken):
		return AtAnother(taken.Run, taken.Host)
	case errors.As(err, &secret):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "spinbot secrets ls shows what there is"}
	case errors.As(err, &wrong):
		return Invalid(client.CodeInvalidInput, wrong)
	case errors.Is(err, engine.ErrNoNode):
		return &client.Problem{Code: client.CodeNotFound, Detail: err.Error(), Fix: "spinbot show lists the nodes of a run"}
	case errors.Is(err, engine.ErrNotQueued):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error(), Fix: "spinbot queue lists what waits"}
	case errors.Is(err, engine.ErrNotWaiting), errors.Is(err, engine.ErrNodeEnded):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	case errors.Is(err, engine.ErrNotResumable), errors.Is(err, engine.ErrEnded):
		return &client.Problem{Code: client.CodeConflict, Detail: err.Error()}
	case errors.Is(err, engine.ErrClosed):
		return &client.Problem{Code: client.CodeUnavailable, Detail: err.Error()}
	}
	return err
}

// AtAnother says where a run is that this host cannot change.
func AtAnother(id, holder string) error {
	if holder == "" {
		return &client.Problem{Code: client.CodeConflict, Detail: id + " went on at another host, and has ended there", Fix: "spinbot show " + id + " says how"}
	}
	return &client.Problem{Code: client.CodeConflict, Detail: id + " is advanced by host " + holder + ", which shares the store with this one",
		Fix: "say it to that host; were it dead, another would go on with the run in a few seconds"}
}
