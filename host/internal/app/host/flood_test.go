package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// served makes a host that listens on loopback.
func served(t *testing.T) (h *Host, address string) {
	t.Helper()
	h = opened(t)
	address, err := h.Serve(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return h, address
}

// from dials as somebody who has this address.
func from(ip, address string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	return d.Dial("tcp", address)
}

// few is how many of what a flood is made of there are in a short test.
func few(n int) int {
	if testing.Short() {
		return n / 20
	}
	return n
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// prompt asks the host so many times, each time over a new connection, and says when it lets people wait.
func prompt(t *testing.T, address string, times int) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var took []time.Duration
	for range times {
		start := time.Now()
		res, err := c.Get("http://" + address + "/health")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("others are answered within %v, the slowest of %d within %v", took[times/2], times, took[times-1])
	if often := took[times*9/10]; often > 2*time.Second { // milliseconds, but for a busy machine
		t.Errorf("others wait %v", often)
	}
}

const holdAt = "SPINBOT_TEST_HOLD"

// hold opens sockets to ADDRESS N and keeps them until it is killed. It is a process of its own, since one may not have as many
// files open as the sockets have ends.
func hold(at string) {
	var address string
	var n int
	if _, err := fmt.Sscan(at, &address, &n); err != nil {
		fmt.Println(err)
		return
	}
	var kept []net.Conn
	for k := range n {
		c, err := from("127.0.0.2", address)
		if err == nil {
			_, err = fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", address)
		}
		var line string
		if err == nil {
			line, err = bufio.NewReader(c).ReadString('\n')
		}
		if err != nil || !strings.Contains(line, " 101 ") {
			fmt.Printf("socket %d: %v %s\n", k, err, line)
			return
		}
		kept = append(kept, c)
	}
	fmt.Println(len(kept), "are open")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test has gone
	runtime.KeepAlive(kept)
}

// TestSocketsLeft: ten thousand sockets are opened and left. Others are answered meanwhile, and nothing stays of them.
func TestSocketsLeft(t *testing.T) {
	_, address := served(t)
	prompt(t, address, 1)
	sockets, before := few(10_000), runtime.NumGoroutine()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", holdAt, address, sockets))
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err == nil && said == fmt.Sprintf("%d are open\n", sockets) {
		prompt(t, address, 100)
	} else {
		t.Errorf("%s %v", said, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // it was killed
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+20 })
	prompt(t, address, 10)
}

// TestSlowloris: five hundred connections send a byte of a request a second. Others are answered, and they are cut off.
func TestSlowloris(t *testing.T) {
	_, address := served(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	var cut atomic.Int64
	lines := few(500)
	for range lines {
		c, err := from("127.0.0.3", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all.Go(func() {
			defer cut.Add(1)
			_, _ = io.Copy(io.Discard, c) // until the host has had enough
		})
		all.Go(func() {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			for _, b := range []byte("GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 60)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	prompt(t, address, 10)
	if cut.Load() > 0 {
		t.Errorf("%d were cut off before the others had been answered: this shows nothing", cut.Load())
	}
	for range 19 {
		if cut.Load() == 0 { // a busy machine may take longer for so many than the host waits for the slow
			prompt(t, address, 10)
		}
	}
	eventually(t, "all are cut off", func() bool { return cut.Load() == int64(lines) })
	stop()
	all.Wait()
}

// TestGuessesOverHTTP: of a hundred thousand wrong tokens from one address few are looked at, and whoever has one is served.
func TestGuessesOverHTTP(t *testing.T) {
	t.Parallel()
	h, address := served(t)
	made, err := h.Client().NewToken(t.Context(), client.NewToken{Name: "laptop", Role: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(c *fasthttp.HostClient, token string) int {
		req, res := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(res)
		req.SetRequestURI("http://" + address + "/api/v1/runs")
		req.Header.Set("Authorization", "Bearer "+token)
		if err := c.Do(req, res); err != nil {
			t.Error(err)
		}
		return res.StatusCode()
	}
	guesser := &fasthttp.HostClient{Addr: address, Dial: func(string) (net.Conn, error) { return from("127.0.0.4", address) }}
	user := &fasthttp.HostClient{Addr: address}
	var looked atomic.Int64
	var all sync.WaitGroup
	const sides = 8
	for w := range sides {
		all.Go(func() {
			for k := range few(100_000) / sides {
				switch status := ask(guesser, fmt.Sprintf("%s%d", made.Text[:len(made.Text)-6], 100_000+w*20_000+k)); status {
				case http.StatusUnauthorized:
					looked.Add(1)
				case http.StatusTooManyRequests:
				default:
					t.Errorf("a guess is answered with %d", status)
				}
				if k%500 == 0 && w == 0 {
					if status := ask(user, made.Text); status != http.StatusOK {
						t.Errorf("who has a token is answered with %d", status)
					}
				}
			}
		})
	}
	all.Wait()
	if n := looked.Load(); n == 0 || n > 100 {
		t.Errorf("%d guesses were looked at", n)
	}
	if status := ask(guesser, made.Text); status != http.StatusTooManyRequests {
		t.Errorf("a guess that hits is answered with %d", status)
	}
}

// endless is text that never ends, after a beginning; it counts what was read of it.
type endless struct {
	begin, again string
	read         atomic.Int64
}

func (e *endless) Read(b []byte) (int, error) {
	at := int(e.read.Load())
	text := e.begin
	if at >= len(e.begin) {
		text, at = e.again, (at-len(e.begin))%len(e.again)
	}
	n := copy(b, text[at:])
	e.read.Add(int64(n))
	return n, nil
}

// TestEndless: what never ends is refused before much of it was read, and nothing of it is kept.
func TestEndless(t *testing.T) {
	t.Parallel()
	h, address := served(t)
	const form = "multipart/form-data; boundary=b"
	long := strings.Repeat("x", 4096)
	part := "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nx\r\n"
	for name, c := range map[string]struct {
		kind string
		body *endless
	}{
		"JSON":              {"application/json", &endless{begin: `{"pipeline": {"text": "`, again: long}},
		"JSON that is deep": {"application/json", &endless{begin: `{"inputs": `, again: strings.Repeat("[", 4096)}},
		"text in a form":    {form, &endless{begin: "--b\r\nContent-Disposition: form-data; name=\"pipeline\"\r\n\r\n", again: long}},
		"parts of a form":   {form, &endless{again: part}},
		"a part's headers":  {form, &endless{begin: "--b\r\n", again: "X: " + long + "\r\n"}},
		"before the parts":  {form, &endless{begin: "x", again: long}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/v1/runs", c.body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.kind)
			res, err := (&http.Transport{}).RoundTrip(req)
			if err == nil {
				defer res.Body.Close()
				if res.StatusCode < 400 || res.StatusCode >= 500 {
					t.Errorf("it is answered with %s", res.Status)
				}
			} else if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) { // who still sends may not see the answer
				t.Error(err)
			}
			if n := c.body.read.Load(); n > 100<<20 {
				t.Errorf("%d bytes were sent until then", n)
			}
		})
	}
	t.Cleanup(func() { noRuns(t, h) })
}

func noRuns(t *testing.T, h *Host) {
	t.Helper()
	if heads, err := h.store.List(context.Background(), store.Query{}); err != nil || len(heads) > 0 {
		t.Errorf("runs were made: %v %v", heads, err)
	}
}

// TestTruncatedForms: a form that breaks off, wherever it does, makes no run, and holds up nobody.
func TestTruncatedForms(t *testing.T) {
	t.Parallel()
	h, address := served(t)
	form := "--b\r\nContent-Disposition: form-data; name=\"pipeline\"; filename=\"x.hcl\"\r\nContent-Type: text/plain\r\n\r\npipeline \"x\" {}\noutput \"a\" { value = 1 }\n\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nla la\r\n--b--\r\n"
	for _, length := range []string{fmt.Sprintf("Content-Length: %d", len(form)), "Transfer-Encoding: chunked"} {
		for cut := range len(form) - 4 { // "--b--" is its end, with or without a line's
			c, err := from("127.0.0.5", address)
			if err != nil {
				t.Fatal(err)
			}
			body := form[:cut]
			if strings.HasPrefix(length, "T") && cut > 0 {
				body = fmt.Sprintf("%x\r\n%s\r\n", cut, body)
			}
			_, err = fmt.Fprintf(c, "POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n%s\r\n\r\n%s", length, body)
			if err == nil {
				err = c.(*net.TCPConn).CloseWrite()
			}
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("cut at %d: %s", cut, res.Status)
			}
			res.Body.Close()
			c.Close()
		}
	}
	noRuns(t, h)
}

// TestRestartedUnderLoad: a host is started again while a run goes on and many follow it. Each goes on with the number that it
// has, misses nothing and gets nothing twice.
func TestRestartedUnderLoad(t *testing.T) {
	t.Parallel()
	h, address := served(t)
	const nodes, clients = 24, 40
	r := submit(t, h.Client(), waits(nodes, "100ms"))
	var all sync.WaitGroup
	var least [clients]atomic.Uint64
	for k := range clients {
		all.Go(func() {
			c := client.New("http://"+address, nil)
			defer c.Close()
			for over := false; !over && t.Context().Err() == nil; {
				_ = c.Watch(t.Context(), r.ID, least[k].Load(), func(f client.Frame) error { // it ends with the host, and comes again
					if f.Event == nil {
						return nil
					}
					if have := least[k].Add(1); f.Event.Seq != have {
						t.Errorf("got event %d, want %d", f.Event.Seq, have)
					}
					e, err := run.Decode(f.Event.Data)
					over = over || err == nil && ended(e)
					return err
				})
			}
		})
	}
	for n := range 3 {
		eventually(t, "all follow", func() bool {
			for k := range clients {
				if least[k].Load() < uint64(5+10*n) {
					return false
				}
			}
			return true
		})
		stop(t, h)
		h = reopen(t, h)
		if _, err := h.Serve(t.Context(), address); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
	last, err := h.Client().Run(t.Context(), r.ID)
	if err != nil || last.State != "succeeded" {
		t.Errorf("%+v, %v", last, err)
	}
}
