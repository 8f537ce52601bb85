package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestListArtifacts: the files of runs, the newest first, filtered and page by page.
func TestListArtifacts(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	if a := b.get(t, "/api/v1/artifacts"); a.status != 200 || !strings.Contains(a.body, `"artifacts":[]`) {
		t.Errorf("%+v", a)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for k, run := range []string{"run_a", "run_b"} {
		a := store.Append{Run: run, Events: [][]byte{[]byte("{}")}, Head: &store.Head{Run: run, Pipeline: "p" + fmt.Sprint(k), State: "running", Seq: 1}}
		a.Files = []store.File{{Digest: "sha256:1", MediaType: "image/png", Name: "face hunter2.png", Size: 7, At: run, Created: at}, {Digest: fmt.Sprint("sha256:2", k), MediaType: "video/mp4", Name: "film.mp4", At: run + "/node.clip/1"}}
		if err := b.store.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[client.ArtifactQuery]string{
		{}:                      "run_b/sha256:21 run_b/sha256:1 run_a/sha256:20 run_a/sha256:1",
		{Run: "run_a"}:          "run_a/sha256:20 run_a/sha256:1",
		{Pipeline: "p1"}:        "run_b/sha256:21 run_b/sha256:1",
		{MediaType: "image/"}:   "run_b/sha256:1 run_a/sha256:1",
		{Text: "FILM"}:          "run_b/sha256:21 run_a/sha256:20",
		{Run: "run_", Limit: 1}: "",
	} {
		l, err := b.unix.Artifacts(t.Context(), query)
		if got := named(l); err != nil || got != want || l.Next != "" {
			t.Errorf("%+v: %q next %q, %v, want %q", query, got, l.Next, err, want)
		}
	}
	all := ""
	for q := (client.ArtifactQuery{Limit: 1}); ; {
		l, err := b.unix.Artifacts(t.Context(), q)
		if err != nil || len(l.Artifacts) != 1 {
			t.Fatalf("%+v %v", l, err)
		}
		all += named(l) + " "
		if q.Before = l.Next; q.Before == "" {
			if f := l.Artifacts[0]; f.Name != "face •••.png" || f.Size != 7 || f.MediaType != "image/png" || f.Pipeline != "p0" || f.At != "run_a" || f.Created == nil || !f.Created.Equal(at) {
				t.Errorf("%+v", f)
			}
			break
		}
	}
	if all != "run_b/sha256:21 run_b/sha256:1 run_a/sha256:20 run_a/sha256:1 " {
		t.Errorf("page by page: %s", all)
	}
	page, err := b.unix.Artifacts(t.Context(), client.ArtifactQuery{Limit: 1, Count: true})
	if err != nil || page.Total == nil || *page.Total != 4 {
		t.Fatalf("%+v %v", page, err)
	}
	page, err = b.unix.Artifacts(t.Context(), client.ArtifactQuery{Limit: 1, Before: page.Next, Skip: 1, Count: true})
	if got := named(page); err != nil || got != "run_a/sha256:20" || page.Next == "" || page.Total == nil || *page.Total != 3 {
		t.Errorf("the third of four: %q next %q, %+v, %v", got, page.Next, page.Total, err)
	}
	first := b.get(t, "/api/v1/artifacts")
	if again := b.get(t, "/api/v1/artifacts", "If-None-Match: "+first.header.Get("ETag")); first.header.Get("ETag") == "" || again.status != 304 {
		t.Errorf("%d with the tag %s", again.status, first.header.Get("ETag"))
	}
	for _, bad := range []string{"before=x", "before=-1", "skip=-1", "before=9223372036854775808", "limit=1001", "q=" + strings.Repeat("x", 201)} {
		b.get(t, "/api/v1/artifacts?"+bad).problem(t, 400, client.CodeBadRequest, "")
	}
}

func named(l client.ArtifactList) string {
	var out []string
	for _, f := range l.Artifacts {
		out = append(out, f.Run+"/"+f.Digest)
	}
	return strings.Join(out, " ")
}

// TestAuditPages: the log of what was done, page by page.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for k := range 5 {
		b.post(t, "/api/v1/runs/none/cancel", "{}")
		if k == 2 {
			if _, err := b.unix.NewToken(t.Context(), client.NewToken{Name: "laptop", Role: "viewer"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := map[string]bool{}
	q := client.DeedQuery{Limit: 2}
	for pages := 1; ; pages++ {
		l, err := b.unix.Audit(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.Deeds {
			if seen[d.Request] {
				t.Errorf("%s comes twice", d.Request)
			}
			seen[d.Request] = true
		}
		if q.Before = l.Next; q.Before == "" {
			if pages != 2 || len(seen) != 4 { // what strangers were refused, now that there is a token, is not written down
				t.Errorf("%d deeds on %d pages", len(seen), pages)
			}
			break
		}
	}
	if _, err := b.unix.Audit(t.Context(), client.DeedQuery{Before: "none"}); err == nil || !strings.Contains(err.Error(), "before is not what a page gave as next") {
		t.Error(err)
	}
}
