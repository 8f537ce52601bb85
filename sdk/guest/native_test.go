//go:build !wasip1

package guest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/myspinbot/spinbot/sdk"
)

// TestMain lets the test binary be a control node, under a link of that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "node" {
		Main(plugin)
		return
	}
	os.Exit(m.Run())
}

// TestMainByHand: outputs and exit code, as a shell sees them.
func TestMainByHand(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "node")
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	reports := "progress  0.5 half\nlog warn 0 loud\n"
	for _, c := range []struct {
		args                  []string
		stdin, stdout, stderr string
		code                  int
	}{
		{[]string{"text.shout"}, `{"text": "a"}`, `{"text":"A"}` + "\n", reports, 0},
		{[]string{"text.shout"}, `{"text": "a", "how": "refuse"}`, "", reports + "no voice (drink tea)\n", 1},
		{[]string{"text.shout"}, `{"text": "a", "how": "text"}`, "", reports + "text.shout panicked: text (this is a mistake in the node's code)\n", 1},
		{nil, "", "", "usage: ", 1},
	} {
		cmd := exec.CommandContext(t.Context(), path, c.args...)
		cmd.Stdin = strings.NewReader(c.stdin)
		var out, said strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &said
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if code := cmd.ProcessState.ExitCode(); code != c.code || out.String() != c.stdout || !strings.HasPrefix(said.String(), c.stderr) {
			t.Errorf("%v %s: exit %d with %q and %q", c.args, c.stdin, code, out.String(), said.String())
		}
	}
}

func TestNative(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, stdin, stdout, err string }{
		{"describe", "", string(plugin.Manifest().AppendJSON(nil)) + "\n", ""},
		{"text.shout", " {\"text\": \"ü$\"}\n", `{"text":"Ü$"}` + "\n", ""},
		{"text.shout", "", "", "inputs: unexpected end of JSON input"},
		{"text.shout", "null", "", "input text: is required"},
		{"text.shout", "{}", "", "input text: is required"},
		{"text.shout", `{"text": 1}`, "", "input text: want text, got the number 1"},
		{"text.shout", `{"text": "a"} and more`, "", "inputs: invalid character 'a'"},
		{"text.shout", `[]`, "", "inputs: json: cannot unmarshal"},
		{"text.shout", `{"text": {"$artifact": 1}}`, "", "inputs: text: artifact: "},
		{"text.absent", "{}", "", `module text offers no node type "text.absent"`},
		{"text.shout describe", "{}", "", "usage: describe | <node type>"},
		{"", "", "", "usage: "},
	} {
		var out, said bytes.Buffer
		err := native(plugin, strings.Fields(c.args), strings.NewReader(c.stdin), &out, &said)
		if (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) || out.String() != c.stdout {
			t.Errorf("%s with %q: got %q, %v", c.args, c.stdin, out.String(), err)
		}
	}
	broken := errors.New("broken")
	if err := native(plugin, []string{"text.shout"}, iotest.ErrReader(broken), nil, nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := native(plugin, []string{"describe"}, nil, failing{broken}, nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// TestNativeDescribe: what it prints is a manifest that hosts take.
func TestNativeDescribe(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := native(plugin, []string{"describe"}, nil, &out, nil); err != nil {
		t.Fatal(err)
	}
	if m, err := sdk.ParseManifest(out.Bytes()); err != nil || m.NodeTypes[0].Name != "text.shout" {
		t.Errorf("got %+v, %v", m, err)
	}
}
