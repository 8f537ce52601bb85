package fleet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet/spool"
	"github.com/myspinbot/spinbot/host/internal/fleet/stream"
)

const document = "../../../docs/protocol.md"

var example = regexp.MustCompile("(?s)<!-- message: (\\w+) -->\n```json\n(.*?)```\n")

// exact decodes an example. It fails for a field that there is not, and for a spelling that is not ours.
func exact[T any](raw string) error {
	var x T
	d := json.NewDecoder(strings.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&x); err != nil {
		return err
	}
	out, err := json.Marshal(x)
	if err != nil {
		return err
	}
	var a, b any
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		return err
	}
	if err := json.Unmarshal(out, &b); err != nil {
		return err
	}
	if !reflect.DeepEqual(a, b) {
		return fmt.Errorf("it would be written as %s", out)
	}
	return nil
}

// TestDocumentHasMessagesAsTheyAre decodes each example of docs/protocol.md.
func TestDocumentHasMessagesAsTheyAre(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]func(string) error{"task": exact[protocol.Task], "control": exact[protocol.Control], "result": exact[protocol.Result],
		"saved": exact[said], "live": exact[[]said], "answer": exact[protocol.Answer], "beat": exact[protocol.Beat], "hello": exact[protocol.Hello], "host": exact[HostInfo]}
	elsewhere := map[string]bool{"parcel": true, "outcome": true, "secrets": true, "placing_ask": true, "placing_answer": true} // remoteexec's and fleet/leader's
	seen := map[string]bool{}
	for _, m := range example.FindAllStringSubmatch(string(raw), -1) {
		kind, text := m[1], m[2]
		seen[kind] = true
		if elsewhere[kind] {
			continue
		}
		if kinds[kind] == nil {
			t.Errorf("%s is no message", kind)
		} else if err := kinds[kind](text); err != nil {
			t.Errorf("%s: %v\n%s", kind, err, text)
		}
	}
	for kind := range kinds {
		if !seen[kind] {
			t.Errorf("%s has no example", kind)
		}
	}
	if n := bytes.Count(raw, []byte("```json")); n != len(example.FindAll(raw, -1)) {
		t.Errorf("%d blocks of JSON, and not each says what it is", n)
	}
}

// TestDocumentNamesEveryField: a field that is added to a message is written about.
func TestDocumentNamesEveryField(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range example.FindAllSubmatch(raw, -1) {
		text.Write(m[2])
	}
	for _, x := range []any{protocol.Task{}, protocol.Result{}, protocol.Control{}, protocol.Answer{}, protocol.Beat{}, protocol.Hello{}, HostInfo{}, said{}} {
		for _, name := range fields(reflect.TypeOf(x)) {
			if !strings.Contains(text.String(), `"`+name+`"`) {
				t.Errorf("%T: no example has %s", x, name)
			}
		}
	}
}

// fields lists the JSON names of a type, and of those of protocol within it.
func fields(of reflect.Type) (out []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || !strings.HasSuffix(of.PkgPath(), "/protocol") && !strings.HasSuffix(of.PkgPath(), "/fleet") {
		return nil
	}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		out = append(append(out, name), fields(of.Field(i).Type)...)
	}
	return out
}

// TestDocumentHasKeysAndTiming: what docs/protocol.md says of them is what the code does.
func TestDocumentHasKeysAndTiming(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	k, host, agent := KeysOf("NAMESPACE"), Pace{}.filled(5), Pace{}.filled(2)
	want := []string{"`spinbot:{NAMESPACE}:`", fmt.Sprintf("about %d entries (`MAXLEN ~`)", keptBeats), fmt.Sprintf("about %d entries. Read", keptLive),
		fmt.Sprintf("`COUNT %d`", stream.MostRead), fmt.Sprintf("the last %d that are done", spool.Kept), fmt.Sprintf("within %d ms, %d at most", gather.Milliseconds(), mostSaid),
		fmt.Sprintf("%d wait at most", stream.MaxLive), fmt.Sprintf("`v` is %d;", protocol.Version), fmt.Sprintf("at most %d bytes", protocol.MaxAnswer)}
	for _, key := range []string{k.Session("ID"), k.Tasks("ID"), k.Control("ID"), k.Beats(), k.Agents(), k.Hosts(), k.In("ID"), k.Live("ID")} {
		want = append(want, "\n| `"+strings.TrimPrefix(key, string(k))+"` |")
	}
	for what, d := range map[string]time.Duration{"an agent beats at least every": agent.Beat, "it beats, when there is something new, at most every": agent.soon(),
		"it is lost after": host.Lost, "one `XREAD` of a host blocks for": host.Block, "one `XREAD` of an agent blocks for": agent.Block,
		"the first try again after": agent.backoff().First, "the last tries again after": agent.backoff().Last,
		"a host waits for what it stopped for": host.Grace, "a host writes its entry in `hosts` every": 12 * host.Beat,
		"an agent believes what it read of a host for": 2 * agent.Beat} {
		want = append(want, fmt.Sprintf("\n| %s | %v |", what, d))
	}
	for _, w := range want {
		if !strings.Contains(string(raw), w) {
			t.Errorf("it does not say %q", w)
		}
	}
}
