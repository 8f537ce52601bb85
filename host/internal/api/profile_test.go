package api

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/myspinbot/spinbot/sdk/client"
)

// TestProfiles: an admin gets profiles that can be read, and nobody else does.
func TestProfiles(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	admin := "Authorization: Bearer " + b.token(t, "admin")
	for _, role := range []string{"viewer", "operator"} {
		b.get(t, "/debug/pprof/heap", "Authorization: Bearer "+b.token(t, role)).problem(t, 403, client.CodeForbidden, "it needs the role")
	}
	if a := b.get(t, "/debug/pprof/heap"); a.status != 401 {
		t.Errorf("a stranger gets %d", a.status)
	}
	for path, kind := range map[string]string{"profile?seconds=1": "cpu", "heap": "inuse_space", "heap?gc=1": "inuse_space", "goroutine": "goroutine"} {
		a := b.get(t, "/debug/pprof/"+path, admin)
		if texts := profileTexts(t, a.body); a.status != 200 || !strings.Contains(texts, "\n"+kind+"\n") {
			t.Errorf("%s gives %d, and a profile of %.200q", path, a.status, texts)
		}
	}
	if a := b.get(t, "/debug/pprof/goroutine?debug=1", admin); a.status != 200 || !strings.HasPrefix(a.body, "goroutine profile: total") {
		t.Errorf("as text: %d %.80s", a.status, a.body)
	}
	b.get(t, "/debug/pprof/cmdline", admin).problem(t, 404, client.CodeNotFound, "no profile")
	for _, seconds := range []string{"0", "301", "x"} {
		b.get(t, "/debug/pprof/profile?seconds="+seconds, admin).problem(t, 400, client.CodeBadRequest, "from 1 to 300")
	}
}

// profileTexts gives the texts of a profile in the format of pprof, one a line: field 6 of its message.
func profileTexts(t *testing.T, packed string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatalf("%v: %.80q", err, packed)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for len(raw) > 0 {
		num, typ, n := protowire.ConsumeTag(raw)
		if n < 0 {
			t.Fatal("it is no message")
		}
		raw = raw[n:]
		if num == 6 && typ == protowire.BytesType {
			text, n := protowire.ConsumeString(raw)
			out.WriteString(text + "\n")
			raw = raw[max(n, 0):]
			continue
		}
		if n = protowire.ConsumeFieldValue(num, typ, raw); n < 0 {
			t.Fatal("it is no message")
		}
		raw = raw[n:]
	}
	return out.String()
}
