package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/myspinbot/spinbot/sdk"
)

// server is the plugin's side.
type server struct {
	UnimplementedPluginServer
	plugin   sdk.Plugin
	manifest sdk.Manifest
	offers   map[string]*offer

	mu    sync.Mutex
	calls map[uint64]context.CancelFunc
}

// offer is one node type and the slots its concurrency leaves; slots is nil without a limit.
type offer struct {
	node  sdk.Node
	slots chan struct{}
}

func newServer(p sdk.Plugin) *server {
	s := &server{plugin: p, manifest: p.Manifest(), offers: map[string]*offer{}, calls: map[uint64]context.CancelFunc{}}
	for i, t := range s.manifest.NodeTypes {
		o := &offer{node: p.Nodes[i]}
		if t.Concurrency > 0 {
			o.slots = make(chan struct{}, t.Concurrency)
		}
		s.offers[t.Name] = o
	}
	return s
}

// Describe gives the manifest.
func (s *server) Describe(context.Context, *DescribeRequest) (*DescribeResponse, error) {
	b, err := json.Marshal(s.manifest)
	if err != nil {
		return nil, status.Errorf(codes.Internal, "manifest: %v", err)
	}
	return &DescribeResponse{Manifest: b}, nil
}

// Configure checks the configuration against the plugin's schema and hands it over.
func (s *server) Configure(ctx context.Context, r *ConfigureRequest) (*ConfigureResponse, error) {
	config, err := sdk.DecodeBinary(r.Config)
	if err == nil {
		err = s.configure(ctx, config)
	}
	if err != nil {
		return &ConfigureResponse{Error: toError(sdk.AsError(err))}, nil
	}
	return &ConfigureResponse{}, nil
}

func (s *server) configure(ctx context.Context, config sdk.Values) (err error) {
	schema := s.plugin.ConfigSchema
	if schema == nil {
		if len(config) > 0 {
			return sdk.Refuse("plugin "+s.plugin.Name+" takes no configuration", "remove its block from spinbot.hcl")
		}
		return nil
	}
	if config == nil {
		config = sdk.Values{}
	}
	var wrong []string
	for _, v := range schema.Check(config) {
		wrong = append(wrong, v.String())
	}
	if len(wrong) > 0 {
		return sdk.Refuse("configuration of plugin "+s.plugin.Name+": "+strings.Join(wrong, "; "), "mend its block in spinbot.hcl")
	}
	if s.plugin.Configure == nil {
		return nil
	}
	defer recovered(&err, "plugin "+s.plugin.Name+", while it was configured,")
	return s.plugin.Configure(ctx, config)
}

// Cancel ends the context of a running task.
func (s *server) Cancel(_ context.Context, r *CancelRequest) (*CancelResponse, error) {
	s.mu.Lock()
	cancel := s.calls[r.Call]
	s.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	return &CancelResponse{}, nil
}

// Run carries out one task.
func (s *server) Run(r *RunRequest, stream grpc.ServerStreamingServer[RunEvent]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	s.mu.Lock()
	s.calls[r.Call] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.calls, r.Call)
		s.mu.Unlock()
	}()

	said := newReports(func(group []*Report) error { return stream.Send(&RunEvent{Reports: group}) })
	outputs, err := s.run(ctx, r, said)
	last := &RunEvent{Reports: said.end()}
	if len(outputs) > MaxMessage/4 && len(last.Reports) > 0 { // together they could be too large for one message
		if err := stream.Send(&RunEvent{Reports: last.Reports}); err != nil {
			return err
		}
		last.Reports = nil
	}
	if err != nil {
		last.End = &RunEvent_Error{toError(sdk.AsError(err))}
	} else {
		last.End = &RunEvent_Result{&Result{Outputs: outputs}}
	}
	return stream.Send(last)
}

// run gives the outputs in binary form.
func (s *server) run(ctx context.Context, r *RunRequest, said *reports) ([]byte, error) {
	o := s.offers[r.Type]
	if o == nil {
		return nil, &sdk.Error{
			Cause: sdk.CauseRefused, Permanent: true, Message: fmt.Sprintf("plugin %s offers no node type %s", s.plugin.Name, r.Type),
			Hint: "it offers " + strings.Join(s.names(), ", "),
		}
	}
	t, err := fromRequest(r)
	if err != nil {
		return nil, sdk.Refuse(err.Error(), "the host and the plugin do not agree: update the older one")
	}
	if !t.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.Deadline)
		defer cancel()
	}
	if o.slots != nil {
		select {
		case o.slots <- struct{}{}:
			defer func() { <-o.slots }()
		case <-ctx.Done():
			return nil, ended(ctx, ctx.Err())
		}
	}
	result, err := call(ctx, o.node, t.WithReporter(said.add))
	if err != nil {
		return nil, ended(ctx, err)
	}
	outputs, err := result.Outputs.AppendBinary(nil, true)
	if err != nil {
		return nil, sdk.Refuse(fmt.Sprintf("node type %s returned outputs that cannot be passed on: %v", r.Type, err), "this is a mistake in the plugin")
	}
	if len(outputs) > MaxMessage-MaxMessage/16 {
		return nil, sdk.Refuse(fmt.Sprintf("node type %s returned %s of outputs", r.Type, sdk.FormatSize(int64(len(outputs)))), "large results must be artifacts")
	}
	return outputs, nil
}

func (s *server) names() []string {
	names := make([]string, 0, len(s.offers))
	for n := range s.offers {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// call runs the node; a panic is its failure, not the end of the process.
func call(ctx context.Context, n sdk.Node, t *sdk.Task) (result sdk.Result, err error) {
	defer recovered(&err, "node type "+t.Type)
	return n.Run(sdk.WithTraceParent(WithTask(ctx, t.Address), t.TraceParent), t)
}

const panicHint = "this is a mistake in the plugin: tell its author"

// Panicked says whether a task's error is a panic of its node.
func Panicked(e *sdk.Error) bool {
	return e.Hint == panicHint && strings.Contains(e.Message, " panicked: ")
}

func recovered(err *error, who string) {
	if p := recover(); p != nil {
		*err = &sdk.Error{
			Cause: sdk.CauseFailed, Message: fmt.Sprintf("%s panicked: %v", who, p),
			Hint: panicHint, Detail: string(debug.Stack()),
		}
	}
}

// ended gives an error its cause when it only says that the context ended.
func ended(ctx context.Context, err error) error {
	var e *sdk.Error
	if ctx.Err() == nil || errors.As(err, &e) {
		return err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &sdk.Error{Cause: sdk.CauseHung, Message: "the task was still running at its deadline", Detail: err.Error()}
	}
	return &sdk.Error{Cause: sdk.CauseCancelled, Message: "the task was cancelled", Detail: err.Error()}
}

type taskKey struct{}

// WithTask tells whoever logs under ctx which task is being carried out.
func WithTask(ctx context.Context, a sdk.Address) context.Context {
	return context.WithValue(ctx, taskKey{}, a)
}

// TaskOf gives the address of the task that ctx belongs to.
func TaskOf(ctx context.Context) (sdk.Address, bool) {
	a, ok := ctx.Value(taskKey{}).(sdk.Address)
	return a, ok
}
