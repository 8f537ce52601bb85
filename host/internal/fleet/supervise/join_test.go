package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
	"github.com/myspinbot/spinbot/host/internal/secrets/seal"
)

// serveJoins answers until the test ends.
func serveJoins(t *testing.T, s *Server) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.ServeJoins(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

// join opens a token.
func join(t *testing.T, s *Server, ttl time.Duration) string {
	t.Helper()
	line, err := s.Join(t.Context(), "", ttl)
	if err != nil {
		t.Fatal(err)
	}
	text, ok := strings.CutPrefix(line, "spinbot agent --join ")
	if !ok || strings.ContainsAny(text, " '\"$\\") {
		t.Fatalf("got %s", line)
	}
	return text
}

func TestJoin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := run(t, Config{Dir: dir, Namespace: "n"})
	serveJoins(t, s)
	text := join(t, s, time.Minute)
	c, err := Redeem(t.Context(), text, "box2")
	if err != nil {
		t.Fatal(err)
	}
	if c.Agent != "box2" || c.User != "agent-box2" || c.Namespace != "n" || c.Pin != s.pin || c.URL != "rediss://"+s.cfg.Listen {
		t.Errorf("%+v", c)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", c, c, c, c.LogValue()); strings.Contains(shown, c.Password) {
		t.Error(shown)
	}
	connect(t, c.Dial())
	if _, err := Redeem(t.Context(), text, "box3"); !errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "was used before") || !strings.Contains(err.Error(), again) {
		t.Errorf("a second time: %v", err)
	}
	again, err := Redeem(t.Context(), join(t, s, 0), "box2")
	if err != nil || again.Agent != "box2-2" {
		t.Fatalf("%v, %v", again, err)
	}
	if ids, err := s.Joined(t.Context()); fmt.Sprint(ids) != "[box2 box2-2]" {
		t.Errorf("%v, %v", ids, err)
	}
	if err := s.Forget(t.Context(), "box2-2"); err != nil {
		t.Error(err)
	}
	if err := s.Forget(t.Context(), "box2-2"); err == nil || !strings.Contains(err.Error(), `no agent "box2-2"`) {
		t.Error(err)
	}
	if _, _, err := dial.Open(t.Context(), again.Dial()); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
		t.Errorf("a forgotten agent: %v", err)
	}
}

// TestJoinedOutlivesTheServer: credentials are good after both ways to restart.
func TestJoinedOutlivesTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := run(t, Config{Dir: dir})
	serving, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.ServeJoins(serving) }()
	c, err := Redeem(t.Context(), join(t, s, 0), "a.b_c-d")
	stop()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	late := join(t, s, 0)
	s.Close()
	s = run(t, Config{Dir: dir, Listen: s.cfg.Listen})
	connect(t, c.Dial())
	serveJoins(t, s)
	if _, err := Redeem(t.Context(), late, "late"); err != nil {
		t.Errorf("a token from before the restart: %v", err)
	}
}

func TestTokensThatAreNotGood(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	expired := join(t, s, time.Millisecond)
	good, err := decodeToken(join(t, s, 0))
	if err != nil {
		t.Fatal(err)
	}
	made := time.Now()
	until(t, "the token expires", func() bool { return time.Since(made) > 5*time.Millisecond })
	serveJoins(t, s)
	unknown, other := good, good
	unknown.id = "0000000000"
	other.pin = strings.Repeat("1", 64)
	for text, want := range map[string]string{
		expired:             "has expired",
		unknown.encode():    "is not known to this fleet",
		other.encode():      "not made by the pinned authority",
		good.encode()[:50]:  "was not copied whole",
		"sbk_x":             "begins with sbj_",
		good.encode() + "A": "was not copied whole",
	} {
		_, err := Redeem(t.Context(), text, "a")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "`spinbot agents join`") || strings.Contains(err.Error(), good.secret) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := Redeem(t.Context(), good.encode(), "a name"); err == nil || errors.Is(err, ErrToken) {
		t.Errorf("a name that is none: %v", err)
	}
	if _, err := Redeem(t.Context(), good.encode(), "a"); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// TestOneOfManyJoins: one token, many machines at once.
func TestOneOfManyJoins(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	serveJoins(t, s)
	text := join(t, s, 0)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { _, errs[i] = Redeem(t.Context(), text, "a") })
	}
	all.Wait()
	good := 0
	for _, err := range errs {
		if err == nil {
			good++
		} else if !errors.Is(err, ErrToken) {
			t.Error(err)
		}
	}
	if ids, err := s.Joined(t.Context()); good != 1 || len(ids) != 1 {
		t.Errorf("%d joined, %v, %v", good, ids, err)
	}
}

// TestAskedInVain: a question that nobody waits for any more does not spend the token, nor does one that makes no sense.
func TestAskedInVain(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	text := join(t, s, 0)
	tok, err := decodeToken(text)
	if err != nil {
		t.Fatal(err)
	}
	stream := joinStream(tok.namespace, tok.id)
	for _, ask := range [][]any{{"XADD", stream, "1-1", fieldName, "old", fieldKey, seal.NewKey().Public()}, {"XADD", stream, "*", fieldName, "a/b"}, {"XADD", stream, "*", "x", "y"}} {
		if err := s.client.Do(t.Context(), ask...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	serveJoins(t, s)
	if _, err := Redeem(t.Context(), text, "a"); err != nil {
		t.Error(err)
	}
	if ids, err := s.Joined(t.Context()); fmt.Sprint(ids) != "[a]" {
		t.Errorf("%v, %v", ids, err)
	}
}

// TestNobodyAnswers: a host that serves no joins is told of, and the line stays good.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	text := join(t, s, 0)
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errNoAnswer) // it has asked by then, on a busy machine too
	defer cancel()
	if _, err := Redeem(ctx, text, "a"); err == nil || errors.Is(err, ErrToken) || !strings.Contains(err.Error(), "spinbot serve --fleet") {
		t.Error(err)
	}
}

// TestOneTimeUser may only ask, and see the answer.
func TestOneTimeUser(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	one, err := decodeToken(join(t, s, 0))
	if err != nil {
		t.Fatal(err)
	}
	two, err := decodeToken(join(t, s, 0))
	if err != nil {
		t.Fatal(err)
	}
	client, err := dial.Connect(dial.Config{URL: one.url(), User: "join-" + one.id, Password: one.secret, Pin: one.pin})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, denied := range [][]any{{"XREAD", "STREAMS", joinStream(one.namespace, two.id), "0"}, {"XADD", dial.Keys(one.namespace) + "x", "*", "a", "b"},
		{"DEL", joinStream(one.namespace, one.id)}, {"INFO"}, {"ACL", "WHOAMI"}} {
		if err := client.Do(t.Context(), denied...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%v: %v", denied, err)
		}
	}
}

// TestExpiredTokensAreShut leaves nothing of them, known or unknown.
func TestExpiredTokensAreShut(t *testing.T) {
	t.Parallel()
	s := run(t, Config{})
	old, err := decodeToken(join(t, s, 0))
	if err != nil {
		t.Fatal(err)
	}
	lost, err := decodeToken(join(t, s, 0))
	if err != nil {
		t.Fatal(err)
	}
	ns := old.namespace
	if err := s.client.HSet(t.Context(), openTokens(ns), old.id, time.Now().Add(-2*grace).UnixMilli()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.client.HDel(t.Context(), openTokens(ns), lost.id).Err(); err != nil {
		t.Fatal(err)
	}
	serveJoins(t, s)
	until(t, "both users are gone", func() bool {
		users, err := s.users(t.Context())
		return err == nil && !strings.Contains(strings.Join(users, " "), joinUser+"-")
	})
	until(t, "no record is left", func() bool { return s.client.HLen(t.Context(), openTokens(ns)).Val() == 0 })
	if strings.Contains(readAll(t, s.cfg.Dir), "user join-") {
		t.Error("their users are in the file")
	}
}

func TestOutside(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ listen, configured, given, want, problem string }{
		{":6390", "", "box", "box:6390", ""},
		{":6390", "", "box:7", "box:7", ""},
		{":6390", "out.example:8", "", "out.example:8", ""},
		{"10.0.0.1:6390", "", "", "10.0.0.1:6390", ""},
		{":6390", "", "fd00::1", "[fd00::1]:6390", ""},
		{"127.0.0.1:6390", "", "", "127.0.0.1:6390", ""},
		{"127.0.0.1:6390", "", "box", "", "--fleet-listen :6390"},
		{":6390", "", "box:x", "", "is a name or an address"},
		{":6390", "", "a b", "", "is a name or an address"},
	} {
		s, err := newServer(Config{Listen: c.listen, Advertise: c.configured})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.outside(c.given)
		if got != c.want || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%+v: got %q, %v", c, got, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	t := newToken()
	t.namespace, t.address, t.expires = "n", "h:1", time.Unix(1, 0)
	f.Add(t.encode())
	f.Add("sbj_AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decodeToken(text)
		if err == nil && got.encode() != strings.TrimSpace(text) {
			t.Errorf("%q became %+v", text, got)
		}
	})
}
