package outbound

import (
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk/guest"
)

const secretValue = "s3cr3t-value-of-the-service"

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	if cfg.Secret == nil {
		cfg.Secret = func(_ context.Context, name string) (string, error) {
			if name != "service" {
				return "", fmt.Errorf("secret %q is not there", name)
			}
			return secretValue, nil
		}
	}
	c := New(cfg)
	t.Cleanup(c.Close)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) (at, host string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	return s.URL, u.Host
}

// web grants hosts on this machine.
func web(hosts ...string) grant.Set {
	return grant.Set{HTTP: &grant.Web{Hosts: hosts, Methods: []string{"GET", "POST"}, Private: true}, Secret: &grant.Secrets{Names: []string{"service", "lost"}}}
}

func wants(t *testing.T, err error, status guest.Status, texts ...string) {
	t.Helper()
	var e *guest.Error
	if !errors.As(err, &e) || e.Status != status {
		t.Fatalf("got %v (%#v), want status %d", err, err, status)
	}
	for _, text := range texts {
		if !strings.Contains(e.Message+" | "+e.Hint, text) {
			t.Errorf("%q | %q does not say %q", e.Message, e.Hint, text)
		}
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	at, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.UserAgent()+" "+r.Method+" "+r.Header.Get("X-One")+" "+string(body))
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, "short and stout")
	})
	var used []string
	who := Caller{NodeType: "control.http", Granted: web(host), Used: func(name, what string) { used = append(used, name+" "+what) }}
	p, err := newClient(t, Config{}).Do(t.Context(), who, guest.Request{Method: "POST", URL: at + "/tea#top",
		Header: []guest.Field{{Name: "X-One", Value: "1"}}, Body: []byte("hot"), Secrets: []guest.Secret{guest.Bearer("service")}})
	if got := strings.Join(used, ", "); got != "secret service, http "+host {
		t.Errorf("it says that it used %s", got)
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != http.StatusTeapot || string(p.Body) != "short and stout" || p.Field("x-seen") != "spinbot POST 1 hot" || p.URL != at+"/tea" {
		t.Errorf("got %+v", p)
	}
}

// TestRefused: what is not covered, or cannot be a request, is refused before anything is sent.
func TestRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	at, host := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	_, port, _ := net.SplitHostPort(host)
	c := newClient(t, Config{})
	private := web(host)
	publicOnly := web(host)
	publicOnly.HTTP.Private = false
	small := web(host)
	small.HTTP.MaxRequest = 3
	field := func(name, value string) guest.Request {
		return guest.Request{URL: at, Header: []guest.Field{{Name: name, Value: value}}}
	}
	for name, x := range map[string]struct {
		set    grant.Set
		q      guest.Request
		status guest.Status
		says   string
	}{
		"no grant":         {grant.Set{}, guest.Request{URL: at, Method: "PUT"}, guest.StatusRefused, "spinbot plugins grant control.http http --host " + host + " --method PUT --private"},
		"no grant, no URL": {grant.Set{}, guest.Request{URL: "x"}, guest.StatusRefused, "spinbot plugins grant control.http http --host HOST"},
		"another host":     {web("a.example"), guest.Request{URL: at}, guest.StatusRefused, "spinbot plugins grant control.http http --host " + host},
		"an IPv6 address":  {web("a.example"), guest.Request{URL: "http://[::1]:9/"}, guest.StatusRefused, "http --host '[::1]:9' --private"},
		"another port":     {web("127.0.0.1:1"), guest.Request{URL: at}, guest.StatusRefused, host},
		"private":          {publicOnly, guest.Request{URL: at}, guest.StatusRefused, "--host " + host + " --private"},
		"mapped":           {func() grant.Set { s := web("[::ffff:127.0.0.1]:" + port); s.HTTP.Private = false; return s }(), guest.Request{URL: "http://[::ffff:127.0.0.1]:" + port}, guest.StatusRefused, "loopback"},
		"method":           {private, guest.Request{URL: at, Method: "DELETE"}, guest.StatusRefused, "--method DELETE"},
		"odd method":       {private, guest.Request{URL: at, Method: "get it"}, guest.StatusInvalid, "is no method"},
		"scheme":           {private, guest.Request{URL: "file:///etc/passwd"}, guest.StatusInvalid, "http or https"},
		"no scheme":        {private, guest.Request{URL: host}, guest.StatusInvalid, ""},
		"user":             {private, guest.Request{URL: "http://u:p@" + host}, guest.StatusInvalid, "has a user"},
		"no host":          {private, guest.Request{URL: "http:///x"}, guest.StatusInvalid, "no host"},
		"zone":             {private, guest.Request{URL: "http://[fe80::1%25lo]/"}, guest.StatusInvalid, "no host"},
		"script":           {private, guest.Request{URL: "http://bücher.example/"}, guest.StatusInvalid, "xn--"},
		"long URL":         {private, guest.Request{URL: at + "/" + strings.Repeat("x", maxURL)}, guest.StatusInvalid, "longer"},
		"body":             {small, guest.Request{URL: at, Method: "POST", Body: []byte("four")}, guest.StatusTooBig, "--max-request"},
		"host header":      {private, field("Host", "other"), guest.StatusInvalid, "Host"},
		"hop by hop":       {private, field("connection", "close"), guest.StatusInvalid, "Connection"},
		"length":           {private, field("Content-Length", "1"), guest.StatusInvalid, "Content-Length"},
		"injected value":   {private, field("X-A", "1\r\nHost: b"), guest.StatusInvalid, "line break"},
		"injected name":    {private, field("X-A: 1\r\nX-B", "1"), guest.StatusInvalid, "no name"},
		"big header":       {private, field("X-A", strings.Repeat("x", maxHeader)), guest.StatusTooBig, "64 KiB"},
		"other secret":     {private, guest.Request{URL: at, Secrets: []guest.Secret{guest.Bearer("other")}}, guest.StatusRefused, "spinbot plugins grant control.http secret --name other"},
		"no secret":        {private, guest.Request{URL: at, Secrets: []guest.Secret{guest.Bearer("lost")}}, guest.StatusRefused, "is not there"},
		"secret for any":   {web("*"), guest.Request{URL: "https://a.example", Secrets: []guest.Secret{guest.Bearer("service")}}, guest.StatusRefused, "by name"},
		"secret twice":     {private, guest.Request{URL: at, Header: []guest.Field{{Name: "Authorization", Value: "x"}}, Secrets: []guest.Secret{guest.Bearer("service")}}, guest.StatusInvalid, "is given"},
		"secret as host":   {private, guest.Request{URL: at, Secrets: []guest.Secret{{Header: "Host", Name: "service"}}}, guest.StatusInvalid, "cannot stand"},
		"secret in clear":  {func() grant.Set { s := web("a.example"); s.HTTP.Private = false; return s }(), guest.Request{URL: "http://a.example", Secrets: []guest.Secret{guest.Bearer("service")}}, guest.StatusRefused, "in the clear"},
		"secret injection": {private, guest.Request{URL: at, Secrets: []guest.Secret{{Header: "X-Key", Prefix: "a\r\nb: ", Name: "service"}}}, guest.StatusInvalid, "cannot stand"},
	} {
		_, err := c.Do(t.Context(), Caller{NodeType: "control.http", Granted: x.set}, x.q)
		t.Run(name, func(t *testing.T) { wants(t, err, x.status, x.says) })
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestPoolsApart: a connection that a private grant made is not used by a request without one.
func TestPoolsApart(t *testing.T) {
	t.Parallel()
	at, host := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	c := newClient(t, Config{})
	if _, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: web(host)}, guest.Request{URL: at}); err != nil {
		t.Fatal(err)
	}
	s := web(host)
	s.HTTP.Private = false
	_, err := c.Do(t.Context(), Caller{NodeType: "c.d", Granted: s}, guest.Request{URL: at})
	wants(t, err, guest.StatusRefused, "loopback")
}

// TestRebinding: the address counts that is connected to, whatever the name had before.
func TestRebinding(t *testing.T) {
	t.Parallel()
	at, _ := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was reached") })
	u, _ := url.Parse(at)
	var looked atomic.Int64
	names := resolver(func(string) netip.Addr {
		if looked.Add(1) == 1 {
			return netip.MustParseAddr("93.184.216.34")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	errPublic := errors.New("this is where the test stops")
	var connecting atomic.Value
	c := newClient(t, Config{Resolver: names, connecting: func(at netip.AddrPort) error { connecting.Store(at.String()); return errPublic }})
	s := web("rebind.example:" + u.Port())
	s.HTTP.Private = false
	q := guest.Request{URL: "http://rebind.example:" + u.Port()}
	_, err := c.Do(t.Context(), Caller{NodeType: "control.http", Granted: s}, q)
	wants(t, err, guest.StatusUnreachable, errPublic.Error())
	if got := connecting.Load(); got != "93.184.216.34:"+u.Port() {
		t.Errorf("it was to connect to %v", got)
	}
	connecting.Store("nowhere")
	_, err = c.Do(t.Context(), Caller{NodeType: "control.http", Granted: s}, q)
	wants(t, err, guest.StatusRefused, "127.0.0.1 is loopback")
	if got := connecting.Load(); got != "nowhere" {
		t.Errorf("it was to connect to %v", got)
	}
}

// resolver asks answer for the IPv4 address of every name; there are no IPv6 ones.
func resolver(answer func(name string) netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			for {
				var length uint16
				if binary.Read(there, binary.BigEndian, &length) != nil {
					return
				}
				q := make([]byte, length)
				if _, err := io.ReadFull(there, q); err != nil {
					return
				}
				end := 12
				for q[end] != 0 {
					end += int(q[end]) + 1
				}
				end += 5
				out := append([]byte(nil), q[:end]...)
				copy(out[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
				if q[end-3] == 1 { // A
					out[7] = 1
					ip := answer("").As4()
					out = append(append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4), ip[:]...)
				}
				_ = binary.Write(there, binary.BigEndian, uint16(len(out)))
				_, _ = there.Write(out)
			}
		}()
		return here, nil
	}}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	type seen struct{ method, body, auth, key, kind string }
	got := make(chan seen, 1)
	final := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, string(body), r.Header.Get("Authorization"), r.Header.Get("X-Key"), r.Header.Get("Content-Type")}
		fmt.Fprint(w, "here")
	}
	other, otherHost := serve(t, final)
	mux := http.NewServeMux()
	at, host := serve(t, mux.ServeHTTP)
	mux.HandleFunc("/final", final)
	to := func(path, target string, status int) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, status) })
	}
	to("/same", "/final", 307)
	to("/see", "/final", 303)
	to("/moved", "/final", 301)
	to("/other", other+"/x", 307)
	to("/loop", "/loop", 302)
	to("/bad", "gopher://x/", 302)
	to("/user", "http://u:p@"+host+"/final", 302)
	to("/elsewhere", "https://elsewhere.example/", 302)
	to("/metadata", "http://169.254.169.254/latest/meta-data/", 302)
	bearer := "Bearer " + secretValue
	c := newClient(t, Config{})
	post := func(path string, hosts ...string) (guest.Response, error) {
		set := web(hosts...)
		return c.Do(t.Context(), Caller{NodeType: "control.http", Granted: set}, guest.Request{Method: "POST", URL: at + path, Body: []byte("b"),
			Header: []guest.Field{{Name: "Content-Type", Value: "text/plain"}, {Name: "X-Key", Value: "own"}}, Secrets: []guest.Secret{guest.Bearer("service")}})
	}
	for path, want := range map[string]seen{
		"/same":  {"POST", "b", bearer, "own", "text/plain"},
		"/see":   {"GET", "", bearer, "own", ""},
		"/moved": {"GET", "", bearer, "own", ""},
		"/other": {"POST", "b", "", "own", "text/plain"}, // another port is another origin
	} {
		p, err := post(path, host, otherHost)
		if err != nil {
			t.Fatal(path, err)
		}
		if s := <-got; s != want || string(p.Body) != "here" {
			t.Errorf("%s: %+v arrives, want %+v", path, s, want)
		}
	}
	for path, says := range map[string]string{
		"/loop": "more than 5 times", "/bad": "no http or https", "/user": "has a user", "/elsewhere": "was not granted the host elsewhere.example", "/other": "was not granted the host " + otherHost,
	} {
		_, err := post(path, host)
		wants(t, err, guest.StatusRefused, says)
	}
	_, err := post("/metadata", host, "169.254.169.254")
	wants(t, err, guest.StatusRefused, "hands out the keys")
	set := web(host)
	set.HTTP.Methods = []string{"POST"}
	_, err = c.Do(t.Context(), Caller{NodeType: "control.http", Granted: set}, guest.Request{Method: "POST", URL: at + "/see"})
	wants(t, err, guest.StatusRefused, "--method GET")
}

func TestSizes(t *testing.T) {
	t.Parallel()
	at, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fits":
			fmt.Fprint(w, strings.Repeat("x", 1000))
		case "/over":
			fmt.Fprint(w, strings.Repeat("x", 1001))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 200 {
				_, _ = z.Write(make([]byte, 1<<20))
			}
			_ = z.Close()
		case "/header":
			w.Header().Set("X-Big", strings.Repeat("x", 2*maxHeader))
		}
	})
	c := newClient(t, Config{})
	set := web(host)
	set.HTTP.MaxResponse = 1000
	if p, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at + "/fits"}); err != nil || len(p.Body) != 1000 {
		t.Errorf("got %d bytes, %v", len(p.Body), err)
	}
	for _, path := range []string{"/over", "/endless", "/bomb"} {
		_, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at + path})
		wants(t, err, guest.StatusTooBig, "1000 B", "--max-response")
	}
	_, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at + "/header"})
	wants(t, err, guest.StatusUnreachable, "header")
}

func TestTimes(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	at, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/drip" {
			fmt.Fprint(w, "a")
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c := newClient(t, Config{})
	set := web(host)
	set.HTTP.Timeout = 50 * time.Millisecond
	for _, path := range []string{"/", "/drip"} {
		_, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at + path})
		wants(t, err, guest.StatusTimeout, "50ms", "--timeout")
	}
	set.HTTP.Timeout = time.Hour
	_, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at, Timeout: 50 * time.Millisecond})
	wants(t, err, guest.StatusTimeout, "50ms")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("the task's deadline"))
	defer cancel()
	_, err = c.Do(ctx, Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at})
	wants(t, err, guest.StatusTimeout, "the task's deadline")
	_, err = c.Do(t.Context(), Caller{NodeType: "a.b", Granted: web("nobody.invalid")}, guest.Request{URL: "http://nobody.invalid"})
	wants(t, err, guest.StatusUnreachable, "nobody.invalid")
}

// TestSecretStaysOutside: the server gets the secret, and nothing that comes back has it, in any of its forms.
func TestSecretStaysOutside(t *testing.T) {
	t.Parallel()
	basic := base64.StdEncoding.EncodeToString([]byte("ada:" + secretValue))
	at, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("X-Key")+r.Header.Get("Authorization"))
		if r.Header.Get("X-Key") != "key="+secretValue && r.Header.Get("Authorization") != "Basic "+basic {
			t.Errorf("it got %v", r.Header)
		}
		fmt.Fprint(w, "you sent ", r.Header, url.QueryEscape(r.Header.Get("X-Key")), base64.StdEncoding.EncodeToString([]byte(secretValue)))
	})
	c := newClient(t, Config{})
	for _, s := range []guest.Secret{{Header: "X-Key", Prefix: "key=", Name: "service"}, {Header: "Authorization", User: "ada", Name: "service"}} {
		p, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: web(host)}, guest.Request{URL: at, Secrets: []guest.Secret{s}})
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s %+v", p.Body, p.Header)
		for _, form := range []string{secretValue, base64.StdEncoding.EncodeToString([]byte(secretValue)), basic} {
			if strings.Contains(text, form) {
				t.Errorf("%s came back in %s", form, text)
			}
		}
		if !strings.Contains(text, "•••") {
			t.Errorf("nothing is masked in %s", text)
		}
	}
}

// TestHammer: many requests at once, with and without a private grant.
func TestHammer(t *testing.T) {
	t.Parallel()
	at, host := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") })
	c := newClient(t, Config{})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			set := web(host)
			set.HTTP.Private = i%2 == 0
			for range 10 {
				if _, err := c.Do(t.Context(), Caller{NodeType: "a.b", Granted: set}, guest.Request{URL: at}); (err == nil) != set.HTTP.Private {
					t.Errorf("private %v: %v", set.HTTP.Private, err)
				}
			}
		})
	}
	all.Wait()
}

// TestTraced: a request is a span, and the server is told of it; of the URL the span has the host alone.
func TestTraced(t *testing.T) {
	t.Parallel()
	told := ""
	at, host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		told = r.Header.Get("Traceparent")
		w.WriteHeader(http.StatusTeapot)
	})
	var got []trace.Span
	root := trace.Context{Trace: trace.Of("run_1"), Span: trace.SpanOf("run_1"), Sampled: true}
	ctx := span.With(t.Context(), func(s trace.Span) { got = append(got, s) }, root)
	who := Caller{NodeType: "x.y", Granted: grant.Set{HTTP: &grant.Web{Hosts: []string{host}, Private: true}}}
	if _, err := newClient(t, Config{}).Do(ctx, who, guest.Request{URL: at + "/a/hunter2?key=hunter2"}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d spans", len(got))
	}
	said := fmt.Sprint(got[0].Name, got[0].Attrs)
	if want := "GET[{http.request.method GET} {server.address " + host + "} {http.response.status_code 418}]"; said != want || got[0].Parent != root.Span {
		t.Errorf("got  %s\nwant %s", said, want)
	}
	if got[0].String() != told {
		t.Errorf("the server was told %q of span %s", told, got[0].Span)
	}
}
