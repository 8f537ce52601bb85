package replay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/replay"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// attempts tells of a node's last attempts in words.
func attempts(t *testing.T, tape *replay.Tape, vault eval.Vault, node string, limit int) (list []client.Attempt, told string) {
	t.Helper()
	at, err := sdk.ParseAddress("run_0/" + node)
	if err != nil {
		t.Fatal(err)
	}
	in, step := run.Target(at)
	list = replay.Attempts(tape, vault, in, step, limit)
	var words []string
	for _, a := range list {
		if a.Ended == nil || a.Started.After(*a.Ended) {
			t.Errorf("%s: from %s to %s", a.At, a.Started, a.Ended)
		}
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %d %s %v%v %s", a.At, a.Number, a.State, a.Inputs["text"], a.Inputs["title"], a.Problem)))
	}
	return list, strings.Join(words, "; ")
}

// TestAttempts: each attempt of a node is told with what it was given and how it ended, each round of a module, and no others'.
func TestAttempts(t *testing.T) {
	t.Parallel()
	tape := open(t).run(t, whole, names)
	for node, want := range map[string]string{
		"node.each[1]":                   "node.each[1] 1 succeeded Hello, GRACE!<nil>",
		"node.again":                     "node.again 1 failed Hello, GRACE!<nil>; node.again 2 succeeded Hello, GRACE!<nil>",
		"node.bad":                       "node.bad 1 failed <nil><nil>; node.bad 2 failed <nil><nil>",
		`module.finish["a"]`:             `module.finish["a"]~1 0 succeeded <nil>Hello, ADA!; module.finish["a"]~2 0 succeeded <nil>Hello, ADA!!`,
		`module.finish["a"]~2`:           `module.finish["a"]~2 0 succeeded <nil>Hello, ADA!!`,
		`module.finish["a"]~2/node.mark`: `module.finish["a"]~2/node.mark 1 succeeded Hello, ADA!!!<nil>`,
		"node.each":                      "",
		"node.never":                     "",
		"node.none":                      "",
	} {
		if _, got := attempts(t, tape, nobody, node, 10); got != want {
			t.Errorf("%s: got  %s\nwant %s", node, got, want)
		}
	}
	if list, _ := attempts(t, tape, nobody, "node.again", 1); len(list) != 1 || list[0].Number != 2 {
		t.Errorf("the last attempt: %+v", list)
	}
	if list, _ := attempts(t, tape, nobody, "node.again", 2); list[0].Error == nil || list[0].Error.Message != "no luck" {
		t.Errorf("why the first failed: %+v", list[0].Error)
	}
	again := open(t)
	long := again.run(t, `
pipeline "long" {}
node "test.do" "long" {
  text = repeat("x", 300000)
}
`, nil)
	if list, _ := attempts(t, long, nobody, "node.long", 1); list[0].Inputs != nil || !strings.Contains(list[0].Problem, "too long") || list[0].State != "succeeded" {
		t.Errorf("inputs that are too long: %s", list[0].Problem)
	}
}

// TestAttemptsPrivate: who is given something sensitive is shown that it was, and never what; without the key the attempts are told all
// the same.
func TestAttemptsPrivate(t *testing.T) {
	t.Parallel()
	h := open(t)
	tape := h.run(t, `
pipeline "private" {}
secret "hook" {}
node "test.do" "it" {
  text = "to ${secret.hook}"
  v    = "plain"
}
`, nil)
	list, _ := attempts(t, tape, h.vault, "node.it", 1)
	if _, sealed := list[0].Inputs["text"].(sdk.Sealed); !sealed || list[0].Inputs["v"] != "plain" || strings.Contains(encoded(t, list), canary) {
		t.Errorf("got %s", encoded(t, list))
	}
	if list, _ = attempts(t, tape, nobody, "node.it", 1); len(list) != 1 || list[0].State != "succeeded" || list[0].Problem == "" {
		t.Errorf("without the key: %s", encoded(t, list))
	}
}
