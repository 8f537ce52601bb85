package wire

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/myspinbot/spinbot/sdk"
)

// ErrNoAnswer says that a task did not end within the grace after it was asked to.
var ErrNoAnswer = errors.New("no answer to cancel")

// ConnError says that the connection to the plugin failed, or that it broke the contract: not the task's fault.
type ConnError struct{ Err error }

// Error gives the cause.
func (e *ConnError) Error() string { return "connection to the plugin: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ConnError) Unwrap() error { return e.Err }

// Client is the host's side of one plugin process. It is safe for concurrent use.
type Client struct {
	rpc   PluginClient
	calls atomic.Uint64
}

func newClient(c grpc.ClientConnInterface) *Client { return &Client{rpc: NewPluginClient(c)} }

// Describe asks for the manifest and refuses one that cannot be used.
func (c *Client) Describe(ctx context.Context) (sdk.Manifest, error) {
	r, err := c.rpc.Describe(ctx, &DescribeRequest{})
	if err != nil {
		return sdk.Manifest{}, &ConnError{err}
	}
	return sdk.ParseManifest(r.Manifest)
}

// Configure hands the configuration over; an *sdk.Error when the plugin refuses it.
func (c *Client) Configure(ctx context.Context, config sdk.Values) error {
	b, err := config.AppendBinary(nil, true)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	r, err := c.rpc.Configure(ctx, &ConfigureRequest{Config: b})
	if err != nil {
		return &ConnError{err}
	}
	if r.Error != nil {
		return fromError(r.Error)
	}
	return nil
}

// Run carries out one task. Its error is the task's *sdk.Error, a *ConnError, or ErrNoAnswer: once ctx has ended
// the task is asked to stop, and has the grace to do so. A task that ends well in that time has ended well.
func (c *Client) Run(ctx context.Context, t *sdk.Task, grace time.Duration) (sdk.Result, error) {
	call := c.calls.Add(1)
	req, err := toRequest(call, t)
	if err != nil {
		return sdk.Result{}, sdk.Refuse(err.Error(), "")
	}
	if n := len(req.Inputs); n > MaxMessage-MaxMessage/16 {
		return sdk.Result{}, sdk.Refuse(fmt.Sprintf("the inputs are %s, more than a task may carry", sdk.FormatSize(int64(n))), "pass large data as an artifact")
	}
	streamCtx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	unwatch := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(grace, func() { stop(ErrNoAnswer) })
		defer late.Stop()
		c.cancel(streamCtx, call)
	})
	defer unwatch()
	r, err := c.stream(streamCtx, req, t)
	var broken *ConnError
	if errors.As(err, &broken) && errors.Is(context.Cause(streamCtx), ErrNoAnswer) {
		return sdk.Result{}, ErrNoAnswer
	}
	return r, err
}

// cancel asks for the end of a call until ctx, its stream's, has ended: the first time it may overtake the call.
func (c *Client) cancel(ctx context.Context, call uint64) {
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		_, _ = c.rpc.Cancel(ctx, &CancelRequest{Call: call}) // without an answer the grace runs out
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (c *Client) stream(ctx context.Context, req *RunRequest, t *sdk.Task) (sdk.Result, error) {
	stream, err := c.rpc.Run(ctx, req)
	if err != nil {
		return sdk.Result{}, &ConnError{err}
	}
	for {
		ev, err := stream.Recv()
		if err != nil {
			return sdk.Result{}, &ConnError{err}
		}
		for _, r := range ev.Reports {
			t.Report(fromReport(r))
		}
		switch end := ev.End.(type) {
		case *RunEvent_Error:
			return sdk.Result{}, fromError(end.Error)
		case *RunEvent_Result:
			outputs, err := sdk.DecodeBinary(end.Result.Outputs)
			if err != nil {
				return sdk.Result{}, &ConnError{fmt.Errorf("outputs: %w", err)}
			}
			return sdk.Result{Outputs: outputs}, nil
		}
	}
}
