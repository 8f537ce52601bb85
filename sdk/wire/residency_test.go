package wire

import (
	"context"
	"errors"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/myspinbot/spinbot/sdk"
)

// shelf is a plugin that keeps what its tasks load.
type shelf struct {
	mu     sync.Mutex
	models map[string]*sdk.Model
}

func (s *shelf) resident(context.Context) ([]sdk.Model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []sdk.Model
	for _, m := range s.models {
		out = append(out, *m)
	}
	return out, nil
}

func (s *shelf) unload(_ context.Context, model string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, m := range s.models {
		switch {
		case model != "" && model != name:
		case m.InUse:
			return sdk.Fail(name+" is in use", "wait for its task")
		default:
			delete(s.models, name)
		}
	}
	return nil
}

func (s *shelf) use(name string, inUse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models[name] = &sdk.Model{Name: name, Devices: []string{"GPU-a", "GPU-b"}, Memory: 6 << 30, InUse: inUse}
}

// TestResidency: a model is in use during its task, idle after it, and gone once unloaded.
func TestResidency(t *testing.T) {
	t.Parallel()
	s := &shelf{models: map[string]*sdk.Model{}}
	free := make(chan struct{})
	p := pluginOf(func(_ context.Context, k *sdk.Task) (sdk.Result, error) {
		s.use("m", true)
		defer s.use("m", false)
		k.Progress(0, "loaded")
		<-free
		return sdk.Result{}, nil
	})
	p.Resident, p.Unload = s.resident, s.unload
	c, _ := inProcess(t, p)
	want := func(inUse bool) {
		t.Helper()
		got, err := c.Resident(t.Context())
		if err != nil || !reflect.DeepEqual(got, []sdk.Model{{Name: "m", Devices: []string{"GPU-a", "GPU-b"}, Memory: 6 << 30, InUse: inUse}}) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	loaded, ended := make(chan struct{}), make(chan error)
	go func() {
		_, err := c.Run(t.Context(), task().WithReporter(func(sdk.Report) { close(loaded) }), patience)
		ended <- err
	}()
	<-loaded
	want(true)
	if err := c.Unload(t.Context(), "m"); err == nil || !strings.Contains(err.Error(), "m is in use") {
		t.Errorf("unloaded under its task: %v", err)
	}
	close(free)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	want(false)
	for _, model := range []string{"unknown", "m", "m", ""} {
		if err := c.Unload(t.Context(), model); err != nil {
			t.Errorf("unload %q: %v", model, err)
		}
	}
	if got, err := c.Resident(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("after Unload: %+v, %v", got, err)
	}
}

func TestResidencyGoesWrong(t *testing.T) {
	t.Parallel()
	p := pluginOf(nil)
	p.Resident = func(context.Context) ([]sdk.Model, error) {
		return nil, sdk.Fail("the engine does not answer", "start it")
	}
	p.Unload = func(_ context.Context, model string) error { panic("no " + model) }
	c, stop := inProcess(t, p)
	if _, err := c.Resident(t.Context()); err == nil || err.Error() != "the engine does not answer (start it)" {
		t.Errorf("got %v", err)
	}
	var e *sdk.Error
	if err := c.Unload(t.Context(), "\xff"); !errors.As(err, &e) || !Panicked(e) || !strings.Contains(e.Message, "no \uFFFD") {
		t.Errorf("got %v", err)
	}
	stop()
	var broken *ConnError
	if _, err := c.Resident(t.Context()); !errors.As(err, &broken) {
		t.Errorf("got %v", err)
	}
	if err := c.Unload(t.Context(), ""); !errors.As(err, &broken) {
		t.Errorf("got %v", err)
	}
}

// oldMethods are what a plugin offered before there were Resident and Unload.
var oldMethods = []string{"Describe", "Configure", "Cancel"}

// TestOldPlugin: a plugin built before there were these calls, and one that does not offer them, say that they cannot.
func TestOldPlugin(t *testing.T) {
	t.Parallel()
	now, _ := inProcess(t, pluginOf(nil))
	for name, c := range map[string]*Client{"without the functions": now, "built before": oldPlugin(t)} {
		if _, err := c.Resident(t.Context()); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: Resident gave %v", name, err)
		}
		if err := c.Unload(t.Context(), "m"); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: Unload gave %v", name, err)
		}
		if _, err := c.Installed(t.Context()); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: Installed gave %v", name, err)
		}
	}
	c := oldPlugin(t)
	if m, err := c.Describe(t.Context()); err != nil || m.Resident || m.Unload {
		t.Errorf("got %+v, %v", m, err)
	}
	if _, err := c.Run(t.Context(), task(), patience); err != nil {
		t.Error(err)
	}
}

// oldPlugin serves the service as it was.
func oldPlugin(t *testing.T) *Client {
	t.Helper()
	desc := Plugin_ServiceDesc
	desc.Methods = nil
	for _, m := range Plugin_ServiceDesc.Methods {
		for _, name := range oldMethods {
			if m.MethodName == name {
				desc.Methods = append(desc.Methods, m)
			}
		}
	}
	if len(desc.Methods) != len(oldMethods) {
		t.Fatalf("the service has lost methods: %+v", desc.Methods)
	}
	l := bufconn.Listen(1 << 20)
	s := grpc.NewServer(ServerOptions()...)
	s.RegisterService(&desc, newServer(pluginOf(func(context.Context, *sdk.Task) (sdk.Result, error) { return sdk.Result{}, nil })))
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///old", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(conn)
}

// TestInstalled: names come as they are, too many of them do not, and what goes wrong is said.
func TestInstalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names []string
		err   error
		want  string
	}{
		"some":         {names: []string{"Blur", "Größe"}},
		"none":         {},
		"too many":     {names: slices.Repeat([]string{"x"}, maxNames+1), want: "too many to tell"},
		"too long":     {names: slices.Repeat([]string{strings.Repeat("x", 200)}, 6000), want: "too many to tell"},
		"it is not up": {err: sdk.Fail("the engine does not answer", "start it"), want: "the engine does not answer (start it)"},
	} {
		p := pluginOf(nil)
		p.Installed = func(context.Context) ([]string, error) { return c.names, c.err }
		client, _ := inProcess(t, p)
		got, err := client.Installed(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || err == nil && !slices.Equal(got, c.names) {
			t.Errorf("%s: %d names, %v", name, len(got), err)
		}
		if m, err := client.Describe(t.Context()); err != nil || !m.Installed {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// TestManifestSaysWhatItCan: also to hosts that do not know the words yet, which read past them.
func TestManifestSaysWhatItCan(t *testing.T) {
	t.Parallel()
	p := pluginOf(nil)
	p.Resident = func(context.Context) ([]sdk.Model, error) { return nil, nil }
	p.Unload = func(context.Context, string) error { return nil }
	n := p.Nodes[0].(fakeNode)
	n.about.Inputs.Properties = sdk.Properties{{Name: "model", Schema: sdk.Schema{Type: "string"}}}
	n.about.Device = &sdk.DeviceNeed{ModelInput: "model", Exclusive: true}
	p.Nodes[0] = n
	c, _ := inProcess(t, p)
	m, err := c.Describe(t.Context())
	if err != nil || !m.Resident || !m.Unload || !m.UsesDevices() || !reflect.DeepEqual(m.NodeTypes[0].Device, n.about.Device) {
		t.Errorf("got %+v, %v", m, err)
	}
}
