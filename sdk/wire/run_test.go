package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/myspinbot/spinbot/sdk"
)

// patience is a grace that no task here needs.
const patience = time.Minute

type runFunc func(ctx context.Context, t *sdk.Task) (sdk.Result, error)

type fakeNode struct {
	about sdk.NodeType
	run   runFunc
}

func (n fakeNode) Type() sdk.NodeType { return n.about }

func (n fakeNode) Run(ctx context.Context, t *sdk.Task) (sdk.Result, error) { return n.run(ctx, t) }

// pluginOf offers one node type, fake.node.
func pluginOf(run runFunc) sdk.Plugin {
	about := sdk.NodeType{Name: "fake.node", Inputs: sdk.Schema{Type: "object"}, Outputs: sdk.Schema{Type: "object"}}
	return sdk.Plugin{Name: "fake", Version: "1.0.0", Nodes: []sdk.Node{fakeNode{about, run}}}
}

func inProcess(t *testing.T, p sdk.Plugin) (*Client, func()) {
	t.Helper()
	c, stop, err := InProcess(p)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(stop)
	t.Cleanup(stop)
	return c, stop
}

func task() *sdk.Task { return &sdk.Task{Type: "fake.node", Address: address, Inputs: sdk.Values{}} }

// fails runs a task that must end with an *sdk.Error.
func fails(t *testing.T, ctx context.Context, c *Client, k *sdk.Task) *sdk.Error {
	t.Helper()
	r, err := c.Run(ctx, k, patience)
	e, ok := err.(*sdk.Error) //nolint:errorlint // Run returns it as it is
	if !ok {
		t.Fatalf("got %v, %v; want an *sdk.Error", r, err)
	}
	return e
}

func TestRun(t *testing.T) {
	t.Parallel()
	give := sdk.Task{
		Address: address, Type: "fake.node", Inputs: sdk.Values{"n": json.Number("1.50")}, Time: time.Unix(3, 4).UTC(), Seed: 5,
		Owner: "o", Pipeline: "p", Scratch: "/s", Devices: []string{"d"}, Checkpoint: []byte("c"),
	}
	c, _ := inProcess(t, pluginOf(func(ctx context.Context, k *sdk.Task) (sdk.Result, error) {
		got := *k.WithReporter(nil)
		if !reflect.DeepEqual(got, give) {
			return sdk.Result{}, sdk.Fail(fmt.Sprintf("got %+v", got), "")
		}
		if a, ok := TaskOf(ctx); !ok || a.String() != address.String() {
			return sdk.Result{}, sdk.Fail("its context belongs to "+a.String(), "")
		}
		for i := range 100 {
			k.Progress(float64(i)/100, "m")
		}
		k.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("new")})
		return sdk.Result{Outputs: sdk.Values{"n": k.Inputs["n"], "file": sdk.Artifact{Path: "/s/x"}}}, nil
	}))
	var said []sdk.Report
	r, err := c.Run(t.Context(), give.WithReporter(func(r sdk.Report) { said = append(said, r) }), patience)
	if err != nil {
		t.Fatal(err)
	}
	if want := (sdk.Values{"n": json.Number("1.50"), "file": sdk.Artifact{Path: "/s/x"}}); !reflect.DeepEqual(r.Outputs, want) {
		t.Errorf("got %v", r.Outputs)
	}
	if len(said) != 101 || string(said[100].Checkpoint) != "new" {
		t.Fatalf("got %d reports", len(said))
	}
	for i, r := range said[:100] {
		if r.Fraction != float64(i)/100 || r.Kind != sdk.ReportProgress || r.Message != "m" {
			t.Fatalf("report %d is %+v", i, r)
		}
	}
}

// TestReportsComeLive: a report is there before the task has ended.
func TestReportsComeLive(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	c, _ := inProcess(t, pluginOf(func(ctx context.Context, k *sdk.Task) (sdk.Result, error) {
		k.Progress(0, "here")
		select {
		case <-heard:
			return sdk.Result{}, nil
		case <-ctx.Done():
			return sdk.Result{}, ctx.Err()
		}
	}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := c.Run(ctx, task().WithReporter(func(sdk.Report) { close(heard) }), patience)
	if err != nil || r.Outputs != nil {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(context.Context) error // what the node returns
		want *sdk.Error                  // nil: it ends well
	}{
		"returns the context's error": {
			context.Context.Err, &sdk.Error{Cause: sdk.CauseCancelled, Message: "the task was cancelled", Detail: "context canceled"}},
		"says why itself": {
			func(context.Context) error { return sdk.Refuse("stopped half way", "") },
			&sdk.Error{Cause: sdk.CauseFailed, Message: "stopped half way", Permanent: true}},
		"was done anyway": {func(context.Context) error { return nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := inProcess(t, pluginOf(func(ctx context.Context, k *sdk.Task) (sdk.Result, error) {
				k.Progress(0, "begun")
				<-ctx.Done()
				k.Log("info", "last words")
				return sdk.Result{Outputs: sdk.Values{"x": "y"}}, c.end(ctx)
			}))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			last := ""
			r, err := client.Run(ctx, task().WithReporter(func(r sdk.Report) { cancel(); last = r.Message }), patience)
			switch {
			case c.want == nil && (err != nil || r.Outputs["x"] != "y"):
				t.Errorf("got %v, %v", r, err)
			case c.want != nil && !reflect.DeepEqual(err, error(c.want)):
				t.Errorf("got %+v", err)
			}
			if last != "last words" {
				t.Errorf("its last report was %q", last)
			}
		})
	}
}

// TestCancelledBefore: a context that ended before the call still gives the plugin's own answer.
func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, pluginOf(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		<-ctx.Done()
		return sdk.Result{}, ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if e := fails(t, ctx, c, task()); e.Cause != sdk.CauseCancelled {
		t.Errorf("got %+v", e)
	}
}

// TestCancelOne: of many tasks, only the one that is meant stops.
func TestCancelOne(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	c, _ := inProcess(t, pluginOf(func(ctx context.Context, k *sdk.Task) (sdk.Result, error) {
		k.Progress(0, "begun")
		select {
		case <-ctx.Done():
			return sdk.Result{}, ctx.Err()
		case <-free:
			return sdk.Result{}, nil
		}
	}))
	var others sync.WaitGroup
	begun := make(chan struct{})
	for range 8 {
		others.Go(func() {
			if _, err := c.Run(t.Context(), task().WithReporter(func(sdk.Report) { begun <- struct{}{} }), patience); err != nil {
				t.Error(err)
			}
		})
	}
	for range 8 {
		<-begun
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if e := fails(t, ctx, c, task().WithReporter(func(sdk.Report) { cancel() })); e.Cause != sdk.CauseCancelled {
		t.Errorf("got %+v", e)
	}
	close(free)
	others.Wait()
}

func TestHungNode(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	c, _ := inProcess(t, pluginOf(func(_ context.Context, k *sdk.Task) (sdk.Result, error) {
		k.Progress(0, "begun")
		<-free
		return sdk.Result{}, nil
	}))
	t.Cleanup(func() { close(free) }) // before the server is stopped, which waits for it
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := c.Run(ctx, task().WithReporter(func(sdk.Report) { cancel() }), 10*time.Millisecond)
	if err != ErrNoAnswer { //nolint:errorlint // Run returns it as it is
		t.Errorf("got %v", err)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, pluginOf(func(ctx context.Context, _ *sdk.Task) (sdk.Result, error) {
		<-ctx.Done()
		return sdk.Result{}, ctx.Err()
	}))
	k := task()
	k.Deadline = time.Now().Add(time.Millisecond)
	if e := fails(t, t.Context(), c, k); e.Cause != sdk.CauseHung || !strings.Contains(e.Message, "deadline") {
		t.Errorf("got %+v", e)
	}
}

func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	c, stop := inProcess(t, pluginOf(func(ctx context.Context, k *sdk.Task) (sdk.Result, error) {
		k.Progress(0, "begun")
		<-ctx.Done()
		return sdk.Result{}, ctx.Err()
	}))
	begun := make(chan struct{})
	ended := make(chan error)
	go func() {
		_, err := c.Run(t.Context(), task().WithReporter(func(sdk.Report) { close(begun) }), patience)
		ended <- err
	}()
	<-begun
	stop()
	var broken *ConnError
	if err := <-ended; !errors.As(err, &broken) || errors.Unwrap(err) == nil || !strings.HasPrefix(err.Error(), "connection to the plugin: ") {
		t.Errorf("got %v", err)
	}
	_, run := c.Run(t.Context(), task(), patience)
	_, describe := c.Describe(t.Context())
	for _, err := range []error{run, describe, c.Configure(t.Context(), nil)} {
		if !errors.As(err, &broken) {
			t.Errorf("afterwards: %v", err)
		}
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, pluginOf(func(_ context.Context, k *sdk.Task) (sdk.Result, error) {
		if k.Seed == 0 {
			panicHere()
		}
		return sdk.Result{}, nil
	}))
	e := fails(t, t.Context(), c, task())
	if e.Cause != sdk.CauseFailed || e.Permanent || e.Message != "node type fake.node panicked: out of cheese" ||
		!strings.Contains(e.Detail, "panicHere") || !Panicked(e) {
		t.Errorf("got %+v", e)
	}
	if Panicked(sdk.Fail("it panicked: no", "")) {
		t.Error("a failure that speaks of a panic is taken for one")
	}
	k := task()
	k.Seed = 1
	if _, err := c.Run(t.Context(), k, patience); err != nil {
		t.Errorf("the next task: %v", err)
	}
}

func panicHere() { panic("out of cheese") }

func TestFailures(t *testing.T) {
	t.Parallel()
	oom := &sdk.Error{Cause: sdk.CauseOOM, Message: "m", Hint: "h", Permanent: true, Detail: "d"}
	for name, c := range map[string]struct {
		outputs sdk.Values
		err     error
		want    sdk.Error // Message is what it holds
	}{
		"plain":        {nil, errors.New("plain"), sdk.Error{Cause: sdk.CauseFailed, Message: "plain"}},
		"as data":      {nil, oom, *oom},
		"wrapped":      {nil, fmt.Errorf("while x: %w", oom), sdk.Error{Cause: sdk.CauseOOM, Message: "while x: m (h)", Permanent: true, Detail: "d"}},
		"nil":          {nil, (*sdk.Error)(nil), sdk.Error{Cause: sdk.CauseFailed, Message: "a nil *sdk.Error", Permanent: true}},
		"bad outputs":  {sdk.Values{"a": make(chan int)}, nil, sdk.Error{Cause: sdk.CauseFailed, Message: "cannot be passed on: a: a value must be", Permanent: true}},
		"many outputs": {sdk.Values{"a": strings.Repeat("x", MaxMessage)}, nil, sdk.Error{Cause: sdk.CauseFailed, Message: "returned 64 MiB of outputs", Permanent: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _ := inProcess(t, pluginOf(func(context.Context, *sdk.Task) (sdk.Result, error) {
				return sdk.Result{Outputs: c.outputs}, c.err
			}))
			e := fails(t, t.Context(), client, task())
			if e.Cause != c.want.Cause || e.Permanent != c.want.Permanent || e.Detail != c.want.Detail || !strings.Contains(e.Message, c.want.Message) {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestRefusedTasks(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, pluginOf(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }))
	unknown := task()
	unknown.Type = "fake.other"
	if e := fails(t, t.Context(), c, unknown); e.Cause != sdk.CauseRefused || !e.Permanent || e.Hint != "it offers fake.node" {
		t.Errorf("got %+v", e)
	}
	for want, v := range map[string]any{
		"inputs: a: text is not UTF-8": "\xff",
		"the inputs are 64 MiB":        strings.Repeat("x", MaxMessage),
	} {
		k := task()
		k.Inputs["a"] = v
		if e := fails(t, t.Context(), c, k); !e.Permanent || !strings.Contains(e.Message, want) {
			t.Errorf("got %+v, want %s", e, want)
		}
	}
	lost := task()
	lost.Address.Run = "nowhere"
	if e := fails(t, t.Context(), c, lost); !e.Permanent || !strings.Contains(e.Hint, "do not agree") {
		t.Errorf("got %+v", e)
	}
}

// TestTalkative: however much a node says, its task ends as it should.
func TestTalkative(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", MaxMessage/maxPending*2)
	for name, fail := range map[string]error{"done": nil, "failed": &sdk.Error{Message: large, Detail: strings.Repeat("d", MaxMessage+1)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outputs := sdk.Values{"a": strings.Repeat("x", MaxMessage/4)}
			c, _ := inProcess(t, pluginOf(func(_ context.Context, k *sdk.Task) (sdk.Result, error) {
				for range maxPending {
					k.Log("info", large)
				}
				k.Report(sdk.Report{Kind: sdk.ReportCheckpoint, Checkpoint: []byte("last")})
				return sdk.Result{Outputs: outputs}, fail
			}))
			last := ""
			_, err := c.Run(t.Context(), task().WithReporter(func(r sdk.Report) { last = string(r.Checkpoint) }), patience)
			var e *sdk.Error
			if (fail == nil && err != nil) || (fail != nil && !errors.As(err, &e)) {
				t.Errorf("got %.200v", err)
			}
			if last != "last" {
				t.Error("the last checkpoint did not arrive")
			}
		})
	}
}

// TestConcurrency: tasks wait for a slot, and can be cancelled while they do.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	p := pluginOf(func(_ context.Context, k *sdk.Task) (sdk.Result, error) {
		k.Progress(0, "begun")
		<-free
		return sdk.Result{}, nil
	})
	n := p.Nodes[0].(fakeNode)
	n.about.Concurrency = 1
	p.Nodes[0] = n
	c, _ := inProcess(t, p)
	begun := make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := c.Run(t.Context(), task().WithReporter(func(sdk.Report) { close(begun) }), patience); err != nil {
			t.Error(err)
		}
	})
	<-begun
	k := task()
	k.Deadline = time.Now().Add(time.Millisecond)
	if e := fails(t, t.Context(), c, k.WithReporter(func(sdk.Report) { t.Error("two at once") })); e.Cause != sdk.CauseHung {
		t.Errorf("got %+v", e)
	}
	close(free)
	first.Wait()
	if _, err := c.Run(t.Context(), task(), patience); err != nil {
		t.Errorf("the slot is not free again: %v", err)
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	schema := sdk.Schema{Type: "object", Required: []string{"url"}, Properties: sdk.Properties{{Name: "url", Schema: sdk.Schema{Type: "string"}}}}
	handed := make(chan sdk.Values, 1)
	take := func(_ context.Context, v sdk.Values) error {
		switch v["url"] {
		case "panic":
			panicHere()
		case "ftp":
			return sdk.Refuse("no ftp", "use http")
		}
		handed <- v
		return nil
	}
	for name, c := range map[string]struct {
		schema *sdk.Schema
		fn     func(context.Context, sdk.Values) error
		give   sdk.Values
		want   string // of the refusal
	}{
		"none":            {nil, nil, nil, ""},
		"takes none":      {nil, nil, sdk.Values{"url": "x"}, "plugin fake takes no configuration"},
		"taken":           {&schema, take, sdk.Values{"url": "x"}, ""},
		"only a schema":   {&schema, nil, sdk.Values{"url": "x"}, ""},
		"missing":         {&schema, take, nil, "url: is required"},
		"does not fit":    {&schema, take, sdk.Values{"url": true, "x": "y"}, "url: want text, got true; x: is unknown here"},
		"refused":         {&schema, take, sdk.Values{"url": "ftp"}, "no ftp"},
		"panics":          {&schema, take, sdk.Values{"url": "panic"}, "panicked: out of cheese"},
		"cannot be given": {&schema, take, sdk.Values{"url": 'x'}, "configuration: url: a value must be"},
	} {
		p := pluginOf(nil)
		p.ConfigSchema, p.Configure = c.schema, c.fn
		client, _ := inProcess(t, p)
		err := client.Configure(t.Context(), c.give)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if v := <-handed; v["url"] != "x" {
		t.Errorf("it was configured with %v", v)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	p := pluginOf(nil)
	p.Description = "says “ü”"
	c, _ := inProcess(t, p)
	got, err := c.Describe(t.Context())
	if want := p.Manifest(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	p.Version = "one"
	c, _ = inProcess(t, p)
	if _, err := c.Describe(t.Context()); err == nil || !strings.Contains(err.Error(), "semantic version") {
		t.Errorf("got %v", err)
	}
}

// fakeServer is a plugin in another language, with mistakes.
type fakeServer struct {
	UnimplementedPluginServer
	manifest string
	run      func(stream grpc.ServerStreamingServer[RunEvent]) error
}

func (s fakeServer) Describe(context.Context, *DescribeRequest) (*DescribeResponse, error) {
	return &DescribeResponse{Manifest: []byte(s.manifest)}, nil
}

func (s fakeServer) Run(_ *RunRequest, stream grpc.ServerStreamingServer[RunEvent]) error {
	return s.run(stream)
}

func dial(t *testing.T, s PluginServer) *Client {
	t.Helper()
	l := bufconn.Listen(64 << 10)
	server := grpc.NewServer(ServerOptions()...)
	RegisterPluginServer(server, s)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	conn, err := grpc.NewClient("passthrough:plugin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		served.Wait()
	})
	return newClient(conn)
}

func TestBadManifests(t *testing.T) {
	t.Parallel()
	for manifest, want := range map[string]string{
		"":        "manifest: ",
		"<html>":  "manifest: ",
		"{}":      "offers no node types",
		`[1, 2]`:  "manifest: ",
		`{"name"`: "manifest: ",
		`{"name": "a", "version": "1.0.0", "node_types": [{"name": "a.b", "inputs": {"type": "object", "oneOf": []}, "outputs": {"type": "object"}}]}`: `keyword "oneOf" is outside the profile`,
		`{"name": "a", "version": "1.0.0", "node_types": [{"name": "z.b", "inputs": {"type": "object"}, "outputs": {"type": "object"}}]}`:              "must begin with the plugin's name",
	} {
		if m, err := dial(t, fakeServer{manifest: manifest}).Describe(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want %s", manifest, m, err, want)
		}
	}
}

func TestBrokenContract(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run  func(grpc.ServerStreamingServer[RunEvent]) error
		want string
	}{
		"no end": {func(s grpc.ServerStreamingServer[RunEvent]) error {
			return s.Send(&RunEvent{Reports: []*Report{{Kind: "log"}}})
		}, "EOF"},
		"a status": {func(grpc.ServerStreamingServer[RunEvent]) error { return status.Error(codes.Internal, "oh") }, "oh"},
		"outputs that are none": {func(s grpc.ServerStreamingServer[RunEvent]) error {
			return s.Send(&RunEvent{End: &RunEvent_Result{&Result{Outputs: []byte("{}")}}})
		}, "outputs: binary values"},
		"empty outputs": {func(s grpc.ServerStreamingServer[RunEvent]) error {
			return s.Send(&RunEvent{End: &RunEvent_Result{&Result{}}})
		}, "outputs: binary values"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dial(t, fakeServer{run: c.run}).Run(t.Context(), task(), patience)
			var broken *ConnError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestEndIsTheEnd: what comes after an end counts for nothing, and an empty error is one.
func TestEndIsTheEnd(t *testing.T) {
	t.Parallel()
	c := dial(t, fakeServer{run: func(s grpc.ServerStreamingServer[RunEvent]) error {
		for _, e := range []*RunEvent{{}, {End: &RunEvent_Error{&Error{}}}, {End: &RunEvent_Result{&Result{Outputs: []byte{1, 0}}}}} {
			if err := s.Send(e); err != nil {
				return nil // the host has heard enough
			}
		}
		return nil
	}})
	if e := fails(t, t.Context(), c, task()); e.Cause != sdk.CauseFailed {
		t.Errorf("got %+v", e)
	}
}

// TestLateCancel: a call that is over, or never was, can be cancelled all the same.
func TestLateCancel(t *testing.T) {
	t.Parallel()
	c, _ := inProcess(t, pluginOf(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil }))
	if _, err := c.Run(t.Context(), task(), patience); err != nil {
		t.Fatal(err)
	}
	for _, call := range []uint64{1, 99} {
		if _, err := c.rpc.Cancel(t.Context(), &CancelRequest{Call: call}); err != nil {
			t.Errorf("call %d: %v", call, err)
		}
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/nowhere/plugin", "/bin/true"} {
		if _, _, err := Start(path, t.Output()); err == nil || !strings.HasPrefix(err.Error(), "start plugin "+path+": ") {
			t.Errorf("got %v", err)
		}
	}
}

func TestHostServesNothing(t *testing.T) {
	t.Parallel()
	p, ok := Versions(nil)[ProtocolVersion][Name].(*grpcPlugin)
	if !ok {
		t.Fatal("the newest protocol version has no plugin")
	}
	if err := p.GRPCServer(nil, grpc.NewServer()); err == nil {
		t.Error("a host serves a plugin that it does not have")
	}
}
