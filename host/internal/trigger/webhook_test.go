package trigger

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
)

const hooks = `
variable "at" {}
output "at" {
  value = var.at
}
secret "hook" {}
secret "lost" {}
secret "empty" {}
trigger "webhook" "w" {
  secret = secret.hook
  inputs = { at = [trigger.body, trigger.headers, trigger.query] }
}
trigger "webhook" "text" {
  secret = secret.hook
  inputs = { at = "${trigger.body.at}" }
}
trigger "webhook" "lost" {
  secret = secret.lost
  inputs = { at = 1 }
}
trigger "webhook" "empty" {
  secret = secret.empty
  inputs = { at = 1 }
}
trigger "webhook" "gone" {
  secret = secret.hook
  inputs = { at = artifact("gone.png") }
}
trigger "cron" "c" {
  schedule = "@hourly"
  inputs   = { at = 1 }
}
`

func mac(secret, message string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(message))
	return hex.EncodeToString(m.Sum(nil))
}

// github signs as GitHub does; headers come in pairs.
func github(body string, headers ...string) Request {
	return request(body, append(headers, headerGitHub, "sha256="+mac("hunter2", body))...)
}

// timed signs with a time.
func timed(at time.Time, body string, headers ...string) Request {
	return request(body, append(headers, headerTimed, fmt.Sprintf("t=%d,v1=%s", at.Unix(), mac("hunter2", fmt.Sprintf("%d.%s", at.Unix(), body))))...)
}

func request(body string, headers ...string) Request {
	q := Request{Body: []byte(body), Headers: map[string]string{}, Query: map[string]string{}}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Headers[headers[i]] = headers[i+1]
	}
	return q
}

const noon = "2026-03-01T12:00:00Z"

func TestSignatures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, noon, hooks)
		now := r.cfg.Now()
		old, good := mac("hunter2", "x.{}"), fmt.Sprintf("%d.{}", now.Unix())
		for name, c := range map[string]struct {
			q  Request
			ok bool
		}{
			"GitHub's":                     {github(`{}`), true},
			"upper case digits":            {request(`{}`, headerGitHub, "sha256="+strings.ToUpper(mac("hunter2", `{}`))), true},
			"another body":                 {Request{Body: []byte(`{"a":1}`), Headers: github(`{}`).Headers}, false},
			"another secret":               {request(`{}`, headerGitHub, "sha256="+mac("hunter3", `{}`)), false},
			"no signature":                 {request(`{}`), false},
			"an empty one":                 {request(`{}`, headerGitHub, ""), false},
			"an empty digest":              {request(`{}`, headerGitHub, "sha256="), false},
			"no prefix":                    {request(`{}`, headerGitHub, mac("hunter2", `{}`)), false},
			"sha1":                         {request(`{}`, headerGitHub, "sha1="+mac("hunter2", `{}`)), false},
			"half of it":                   {request(`{}`, headerGitHub, "sha256="+mac("hunter2", `{}`)[:32]), false},
			"no digits":                    {request(`{}`, headerGitHub, "sha256=zz"), false},
			"timed":                        {timed(now, `{}`), true},
			"in five minutes":              {timed(now.Add(5*time.Minute), `{}`), true},
			"five minutes ago":             {timed(now.Add(-5*time.Minute), `{}`), true},
			"later":                        {timed(now.Add(301*time.Second), `{}`), false},
			"earlier":                      {timed(now.Add(-301*time.Second), `{}`), false},
			"another time":                 {request(`{}`, headerTimed, fmt.Sprintf("t=%d,v1=%s", now.Unix()+1, mac("hunter2", good))), false},
			"no time":                      {request(`{}`, headerTimed, "v1="+mac("hunter2", ".{}")), false},
			"no number":                    {request(`{}`, headerTimed, "t=x,v1="+old), false},
			"two, one of them old":         {request(`{}`, headerTimed, fmt.Sprintf("t=%d, v1=%s, v1=%s", now.Unix(), mac("hunter1", good), mac("hunter2", good))), true},
			"v0 only":                      {request(`{}`, headerTimed, fmt.Sprintf("t=%d,v0=%s", now.Unix(), mac("hunter2", good))), false},
			"the body alone":               {request(`{}`, headerTimed, fmt.Sprintf("t=%d,v1=%s", now.Unix(), mac("hunter2", "{}"))), false},
			"prose":                        {request(`{}`, headerTimed, "please"), false},
			"a bad timed one and GitHub's": {github(`{}`, headerTimed, "t=1,v1=00"), false},
		} {
			id, err := r.Deliver(t.Context(), "film", "w", c.q)
			if c.ok && err != nil || !c.ok && (!errors.Is(err, ErrSignature) || id != "") {
				t.Errorf("%s: %s, %v", name, id, err)
			}
		}
		// nothing of an unsigned request is looked at
		if _, err := r.Deliver(t.Context(), "film", "w", request("{", "content-type", "image/png", "idempotency-key", strings.Repeat("x", 999))); !errors.Is(err, ErrSignature) {
			t.Error(err)
		}
	})
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, noon, hooks)
		for _, c := range []struct {
			trigger string
			q       Request
			err     string
		}{
			{"film/text", github(`{"at": "x"}`), ""},
			{"film/text", github(`at=x`, "content-type", "application/x-www-form-urlencoded"), ""},
			{"film/text", github(`{"at": "x"}`, "content-type", "application/vnd.x+json; charset=utf-8"), ""},
			{"film/text", github(`{`), "not JSON"}, {"film/text", github(`{} x`), "goes on"}, {"film/text", github(`a=%zz`, "content-type", "application/x-www-form-urlencoded"), "not a form"},
			{"film/text", github(`x`, "content-type", "image/png"), "image/png is not taken"}, {"film/text", github(`x`, "content-type", ";"), "content type"},
			{"film/text", github(`{}`), "trigger.text: "}, {"film/text", github(``), "trigger.text: "},
			{"film/text", github(`{"at": "x"}`, "idempotency-key", strings.Repeat("x", 256)), "more than 255 bytes"},
			{"film/nobody", github(`{}`), ErrUnknown.Error()}, {"nobody/w", github(`{}`), ErrUnknown.Error()}, {"film/c", github(`{}`), ErrUnknown.Error()},
			{"broken/w", github(`{}`), ErrOutOfUse.Error()}, {"film/lost", github(`{}`), ErrNoSecret.Error()},
			{"film/empty", request(`{}`, headerGitHub, "sha256="+mac("", "{}")), ErrNoSecret.Error()},
			{"film/gone", github(`{}`), "gone.png"},
		} {
			pipelineName, name, _ := strings.Cut(c.trigger, "/")
			id, err := r.Deliver(t.Context(), pipelineName, name, c.q)
			if c.err == "" && (err != nil || id == "") || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || id != "") {
				t.Errorf("%s %s: %s, %v", c.trigger, c.q.Body, id, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter") {
				t.Errorf("the secret is told: %v", err)
			}
		}
		r.want("made", "x x x")
		if s := r.status("gone"); !strings.Contains(s.Error, "gone.png") {
			t.Errorf("%+v", s)
		}
		if s := r.status("text"); s.LastRun != "run_3" || s.Error == "" { // what came last failed
			t.Errorf("%+v", s)
		}
	})
}

// TestWhatInputsSee: body, headers and query arrive as they were sent, but for what says who asks.
func TestWhatInputsSee(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, noon, hooks)
		q := github(`{"n": 18446744073709551615, "list": [null, 1.50, "\u00e9"]}`, "x-user", "ada", "authorization", "Bearer x", "cookie", "a=b", "x-odd", "\xff")
		q.Query["n"] = "3"
		form := github("a=1&b=2&b=3&c", "content-type", "application/x-www-form-urlencoded")
		for _, q := range []Request{q, form} {
			if _, err := r.Deliver(t.Context(), "film", "w", q); err != nil {
				t.Fatal(err)
			}
		}
		made := r.runs.all()
		got := fmt.Sprint(made[0].Inputs["at"])
		if want := "[map[list:[<nil> 1.5 é] n:18446744073709551615] map[x-odd:\uFFFD x-user:ada] map[n:3]]"; got != want {
			t.Errorf("got %s", got)
		}
		if got := made[1].Inputs["at"].([]any)[0]; !reflect.DeepEqual(got, map[string]any{"a": "1", "b": []any{"2", "3"}, "c": ""}) {
			t.Errorf("got %v", got)
		}
	})
}

// TestOnce: the same delivery makes one run, also over restarts and failures; equal requests that say nothing of
// themselves make one each.
func TestOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, noon, hooks)
		send := func(q Request, want string) {
			t.Helper()
			if id, err := r.Deliver(t.Context(), "film", "text", q); err != nil || id != want {
				t.Errorf("got %s, %v; want %s", id, err, want)
			}
		}
		restart := func() { r.Triggers = New(r.cfg) }
		body := `{"at": "x"}`
		send(github(body, "x-github-delivery", "a"), "run_1")
		send(github(body, "x-github-delivery", "a"), "run_1")
		restart()
		send(github(`{"at": "y"}`, "x-github-delivery", "a"), "run_1") // whatever it says now
		send(github(body, "idempotency-key", "b"), "run_2")
		send(github(body), "run_3")
		send(github(body), "run_4")
		// a replay of a timed signature is the same delivery, under whatever id
		now := r.cfg.Now()
		send(timed(now, body), "run_5")
		restart()
		send(timed(now, body), "run_5")
		send(timed(now, body, "idempotency-key", "fresh"), "run_5")
		send(timed(now.Add(time.Second), body), "run_6")
		send(timed(now.Add(2*time.Second), body, "idempotency-key", "b"), "run_2") // and a known id is one, signed anew

		// what failed leaves no trace, and may come again
		if _, err := r.Deliver(t.Context(), "film", "text", github(`{}`, "x-github-delivery", "c")); err == nil {
			t.Error("no error")
		}
		send(github(body, "x-github-delivery", "c"), "run_7")
		// killed before and after the run was made
		for i, die := range []func(f *fakeRuns){func(f *fakeRuns) { f.fail = errors.New("killed") }, func(f *fakeRuns) { f.lose = errors.New("killed") }} {
			id, want := fmt.Sprint("d", i), fmt.Sprint("run_", 8+i)
			r.runs.set(die)
			if _, err := r.Deliver(t.Context(), "film", "text", github(body, "x-github-delivery", id)); err == nil {
				t.Error("no error")
			}
			r.runs.set(func(f *fakeRuns) { f.fail, f.lose = nil, nil })
			restart()
			send(github(body, "x-github-delivery", id), want)
		}
		if n := len(r.runs.all()); n != 9 {
			t.Errorf("%d runs", n)
		}
		// after a week, or a thousand others, it is forgotten
		time.Sleep(remembered + time.Minute)
		send(github(body, "x-github-delivery", "new"), "run_10")
		send(github(body, "x-github-delivery", "a"), "run_11")
	})
}

func TestForget(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var all []delivery
	for i := range maxDeliveries + 10 {
		all = append(all, delivery{Keys: []string{fmt.Sprint(i)}, At: now})
	}
	if left := forget(all, now); len(left) != maxDeliveries-1 || left[len(left)-1].Keys[0] != fmt.Sprint(maxDeliveries+9) {
		t.Errorf("%d are left", len(left))
	}
}

// TestHammer: webhooks, crons, people and lists at once; each delivery makes one run.
func TestHammer(t *testing.T) {
	t.Parallel()
	r := newRig(t, noon, hooks+strings.ReplaceAll(cronFile("@every 1s", `overlap = "queue"`)[len("variable \"at\" {}\noutput \"at\" {\n  value = var.at\n}\n"):], `"c"`, `"often"`))
	r.cfg.Look = time.Millisecond
	r.Triggers = New(r.cfg)
	r.serve()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 25 {
				if _, err := r.Deliver(context.Background(), "film", "text", github(`{"at": "x"}`, "x-github-delivery", fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
				if _, err := r.List(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 5 {
				id, err := r.Fire(context.Background(), "film", "often", "ada", eval.TriggerEvent{})
				if err != nil {
					t.Error(err)
				}
				r.end(id)
			}
		})
	}
	all.Wait()
	r.stop()
	hooked := 0
	for _, run := range r.runs.all() {
		if run.Owner == "trigger:text" {
			hooked++
		}
	}
	if hooked != 25 {
		t.Errorf("%d runs of 25 deliveries", hooked)
	}
}
