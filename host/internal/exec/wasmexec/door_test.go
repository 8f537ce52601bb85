package wasmexec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/exec/exectest"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/host/internal/kv/memkv"
	"github.com/myspinbot/spinbot/sdk"
)

const secretValue = "s3cr3t-value-of-the-service"

// reaching gives what test.fetch may do: send requests to the server.
func reaching(url string) Grants {
	return Grants{Asked: []string{"http", "secret", "random"}, Given: grant.Set{
		HTTP:   &grant.Web{Hosts: []string{strings.TrimPrefix(url, "http://")}, Private: true},
		Secret: &grant.Secrets{Names: []string{"service"}},
	}}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func fetching(t *testing.T, c Config, g Grants) *Executor {
	t.Helper()
	c.Grants = func(nodeType string) (Grants, error) {
		if nodeType != "test.fetch" && nodeType != "test.store" {
			return Grants{}, fmt.Errorf("nobody knows %s", nodeType)
		}
		return g, nil
	}
	c.Secret = func(_ context.Context, name string) (string, error) {
		if name != "service" {
			return "", errors.New("there is no such secret")
		}
		return secretValue, nil
	}
	return probe(t, c)
}

func fetch(inputs sdk.Values) *sdk.Task { return exectest.Task("test.fetch", inputs) }

func TestFetch(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, " ", r.URL.Path) })
	var lines []string
	in := fetch(sdk.Values{"url": url + "/a"}).WithReporter(func(r sdk.Report) {
		if r.Kind == sdk.ReportLog {
			lines = append(lines, r.Level+": "+r.Message)
		} else if r.Usage == nil || !reflect.DeepEqual(r.Usage.Grants, []string{"http " + strings.TrimPrefix(url, "http://")}) {
			t.Errorf("it used %+v", r.Usage)
		}
	})
	got := outputs(t, fetching(t, Config{}, reaching(url)), in)
	if got["status"] != json.Number("200") || got["body"] != "GET /a" || got["slept"] != json.Number("0") {
		t.Errorf("got %v", got)
	}
	if want := []string{"info: uses a grant: http " + strings.TrimPrefix(url, "http://")}; !reflect.DeepEqual(lines, want) {
		t.Errorf("it reports %q, want %q", lines, want)
	}
}

// TestNotGranted: what is not declared, not given or beyond what was given is refused, with what to do.
func TestNotGranted(t *testing.T) {
	t.Parallel()
	url := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was asked") })
	host := strings.TrimPrefix(url, "http://")
	given := reaching(url)
	for _, c := range []struct {
		name   string
		grants Grants
		inputs sdk.Values
		says   string
	}{
		{"not declared", Grants{Given: given.Given}, nil, "test.fetch uses http and does not declare it"},
		{"not given", Grants{Asked: given.Asked}, nil, "spinbot plugins grant test.fetch http --host " + host + " --private"},
		{"not given here", Grants{Asked: given.Asked, Why: "mock it"}, nil, "was not granted http (mock it)"},
		{"method", given, sdk.Values{"method": "POST"}, "--host " + host + " --method POST"},
		{"secret not declared", Grants{Asked: []string{"http"}, Given: given.Given}, sdk.Values{"secret": "service"}, "uses secret and does not declare it"},
		{"secret not given", Grants{Asked: given.Asked, Given: grant.Set{HTTP: given.Given.HTTP}}, sdk.Values{"secret": "service"}, "spinbot plugins grant test.fetch secret --name service"},
		{"another secret", given, sdk.Values{"secret": "other"}, "spinbot plugins grant test.fetch secret --name other"},
	} {
		in := sdk.Values{"url": url}
		for k, v := range c.inputs {
			in[k] = v
		}
		e := fails(t, fetching(t, Config{}, c.grants), fetch(in))
		if !strings.Contains(e.Error(), c.says) || !e.Permanent {
			t.Errorf("%s: got %#v, want %q", c.name, e, c.says)
		}
	}
	if e := fails(t, probe(t, Config{}), fetch(sdk.Values{"url": url})); !strings.Contains(e.Message, "does not declare it") {
		t.Errorf("without a list of grants: %v", e)
	}
}

// TestGuestNeverHoldsSecret: the server gets the secret; it is nowhere in the guest's memory, even when the server
// repeats it.
func TestGuestNeverHoldsSecret(t *testing.T) {
	t.Parallel()
	const marker = "this is in the memory"
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+secretValue {
			t.Errorf("it got %v", r.Header)
		}
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		fmt.Fprint(w, marker, " ", r.Header.Get("Authorization"))
	})
	e := fetching(t, Config{}, reaching(url))
	got := outputs(t, e, fetch(sdk.Values{"url": url, "secret": "service"}))
	if got["body"] != marker+" Bearer •••" {
		t.Errorf("got %v", got)
	}
	scanned, used := 0, false
	for _, m := range e.modules {
		for _, i := range m.pool.list {
			if bytes.Contains(i.box.memory.buf, []byte(secretValue)) {
				t.Error("the secret is in the guest's memory")
			}
			if bytes.Contains(i.box.memory.buf, []byte(marker)) {
				scanned++
			}
			used = used || reflect.DeepEqual(i.box.used(), []string{"http " + strings.TrimPrefix(url, "http://"), "secret service"})
		}
	}
	if scanned != 1 || !used {
		t.Errorf("%d memories hold the response, used is recorded: %v", scanned, used)
	}
}

// TestWaiting: waiting for a response neither takes another guest's place, nor counts as computing; it ends with the
// task and with the executor.
func TestWaiting(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 8), make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	g := reaching(url)
	g.Given.HTTP.Timeout = time.Minute
	e := fetching(t, Config{Running: 1}, g)
	slow := make(chan error, 1)
	go func() {
		in := fetch(sdk.Values{"url": url})
		in.Limits.Time = 4 * time.Second // which a busy machine may need for what it computes
		_, err := e.Execute(t.Context(), in)
		slow <- err
	}()
	<-arrived
	began := time.Now()
	for time.Since(began) < 4500*time.Millisecond { // longer than it may compute
		outputs(t, e, exectest.Task("test.count", nil))
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("got %v", err)
	}
}

func TestWaitingEnds(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 8)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- r.URL.Path
		<-r.Context().Done()
	})
	g := reaching(url)
	g.Given.HTTP.Timeout = time.Minute
	e := fetching(t, Config{}, g)
	ended := make(chan error, 1)
	run := func(ctx context.Context, path string) {
		go func() {
			_, err := e.Execute(ctx, fetch(sdk.Values{"url": url + path}))
			ended <- err
		}()
		for <-arrived != path { // a request that was given up may come late, or never
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	run(ctx, "/cancelled")
	cancel()
	if err := <-ended; sdk.AsError(err) == nil || sdk.AsError(err).Cause != sdk.CauseCancelled {
		t.Errorf("cancelled: %v", err)
	}
	if got := fails(t, e, fetch(sdk.Values{"url": url + "/timeout", "timeout": "20ms"})); got.Permanent || !strings.Contains(got.Message, "20ms") {
		t.Errorf("its own timeout: %#v", got)
	}
	run(t.Context(), "/closed")
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; sdk.AsError(err) == nil || sdk.AsError(err).Cause != sdk.CauseDrained {
		t.Errorf("closed: %v", err)
	}
}

// TestStopwatch: a guest without a meter is stopped by a timer, which stands still while it waits.
func TestStopwatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testStopwatch)
}

func testStopwatch(t *testing.T) {
	fired := make(chan time.Time, 1)
	began := time.Now()
	w := newStopwatch(50*time.Millisecond, func() { fired <- time.Now() })
	w.pause()
	waited := time.Now().Add(150 * time.Millisecond)
	select {
	case <-fired:
		t.Error("it fires while it stands still")
	case <-time.After(time.Until(waited)):
	}
	w.resume()
	if at := <-fired; at.Sub(began) != 200*time.Millisecond {
		t.Errorf("it fires after %s", at.Sub(began))
	}
	w.stop()
}

// TestManyWait: more guests wait than may compute, under the race detector.
func TestManyWait(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	e := fetching(t, Config{Running: 2, Waiting: 3}, reaching(url))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			in := fetch(sdk.Values{"url": url})
			in.Owner = fmt.Sprint(i % 3)
			outputs(t, e, in)
		})
	}
	all.Wait()
	if len(e.slots) != 0 || len(e.waiting) != 0 {
		t.Errorf("%d places to compute and %d to wait are still taken", len(e.slots), len(e.waiting))
	}
}

func TestRawFunctions(t *testing.T) {
	t.Parallel()
	e := probe(t, Config{})
	in := exectest.Task("test.raw", nil)
	first := outputs(t, e, in)
	if first["now"] != json.Number(fmt.Sprint(in.Time.UnixNano())) {
		t.Errorf("got %v", first)
	}
	if again := outputs(t, e, in); !reflect.DeepEqual(again, first) {
		t.Errorf("got %v, then %v", first, again)
	}
	other := *in
	other.Seed = 3
	if got := outputs(t, e, &other); got["random"] == first["random"] {
		t.Error("the seed changes nothing")
	}
}

// TestImports: a module is known by what it imports; one that does not use the network does not import it.
func TestImports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code []byte
		want []string
	}{{reactorCode(t), nil}, {commandCode(t), nil}, {build(t, "./testdata/probe", "-buildmode=c-shared"), []string{"http", "kv"}}} {
		e := newExecutor(t, c.code, Config{})
		got, err := e.Imports(t.Context(), Module{Bytes: c.code, SHA256: checksum(c.code)})
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("got %v, %v, want %v", got, err, c.want)
		}
	}
}

// TestCommandAsks: a WASI command has the same host functions, and the same grants.
func TestCommandAsks(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "for a command") })
	given := reaching(url)
	given.Asked, given.Given.KV = append(given.Asked, "kv"), &grant.Store{}
	for _, g := range []Grants{given, {Asked: given.Asked}} {
		e := newExecutor(t, build(t, "./testdata/asking"), Config{KV: memkv.New(), Grants: func(string) (Grants, error) { return g, nil }})
		if !g.Given.Empty() {
			if got := outputs(t, e, fetch(sdk.Values{"url": url})); got["body"] != "for a command" {
				t.Errorf("got %v", got)
			}
		} else if got := fails(t, e, fetch(sdk.Values{"url": url})); !strings.Contains(got.Message, "spinbot plugins grant test.fetch http") {
			t.Errorf("got %v", got)
		}
	}
}
