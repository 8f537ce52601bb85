package remote_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/remote"
)

// ask sends a request to the handler, with the token unless the header says otherwise.
func (f *fleet) ask(method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, body)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

func upload(digest string, size int) string { return fmt.Sprintf("/uploads/%s?size=%d", digest, size) }

func TestToken(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	d := put(t, f.host, []byte("secret"))
	for _, auth := range []string{"", "Bearer ", "Bearer " + token + "x", "Bearer " + token[1:], "Basic " + token, token, "bearer"} {
		for method, target := range map[string]string{"GET": "/artifacts/" + d, "HEAD": upload(d, 6), "PATCH": upload(d, 6), "DELETE": "/"} {
			w := f.ask(method, target, nil, "Authorization", auth)
			if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "join") {
				t.Errorf("%s %s with %q: %d %s", method, target, auth, w.Code, w.Body)
			}
		}
	}
	if w := f.ask("GET", "/artifacts/"+d, nil); w.Code != 200 || w.Body.String() != "secret" {
		t.Errorf("with the token: %d %s", w.Code, w.Body)
	}
	if none := remote.Tokens("", ""); none("") {
		t.Error("an empty token lets in")
	}
	if two := remote.Tokens("a", "b"); !two("a") || !two("b") || two("ab") || two("") {
		t.Error("two tokens")
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	d := put(t, f.host, []byte("<html>0123456789"))
	aged(t, blob(f.root, d), 48*time.Hour)
	w := f.ask("GET", "/artifacts/"+d, nil, "Range", "bytes=6-8", "If-Range", `"`+d+`"`)
	if w.Code != http.StatusPartialContent || w.Body.String() != "012" {
		t.Errorf("range: %d %q", w.Code, w.Body)
	}
	if info, err := os.Stat(blob(f.root, d)); err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("serving did not touch: %v, %v", info, err)
	}
	w = f.ask("GET", "/artifacts/"+d, nil, "Range", "bytes=6-8", "If-Range", `"other"`)
	if w.Code != 200 || w.Body.Len() != 16 {
		t.Errorf("range of another: %d %q", w.Code, w.Body)
	}
	w = f.ask("HEAD", "/artifacts/"+d, nil)
	if w.Code != 200 || w.Header().Get("ETag") != `"`+d+`"` || w.Header().Get("Content-Length") != "16" || w.Body.Len() != 0 ||
		!strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("head: %d %v", w.Code, w.Header())
	}
	if w = f.ask("GET", "/artifacts/"+d, nil, "If-None-Match", `"`+d+`"`); w.Code != http.StatusNotModified {
		t.Errorf("known: %d", w.Code)
	}
	if w = f.ask("GET", "/artifacts/"+digestOf(nil), nil); w.Code != 404 || !strings.Contains(w.Body.String(), digestOf(nil)) {
		t.Errorf("absent: %d %s", w.Code, w.Body)
	}
}

// TestHostileDigest: what is no digest is refused with a sentence, and becomes no path.
func TestHostileDigest(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	good := digestOf([]byte("x"))
	for _, d := range []string{"..", "../../etc/passwd", "sha256:../../../etc/passwd", good[:70], good + "00", "md5:" + good[7:],
		"sha256:" + strings.Repeat("zz", 32), strings.ToUpper(good), good + "\x00", "sha256:" + strings.Repeat("a", 100_000)} {
		for method, target := range map[string]string{"GET": "/artifacts/" + url.PathEscape(d), "PATCH": "/uploads/" + url.PathEscape(d) + "?size=1"} {
			w := f.ask(method, target, strings.NewReader("x"), "Upload-Offset", "0")
			if w.Code != 400 && w.Code != 307 && w.Code != 404 || w.Code == 400 && (!strings.Contains(w.Body.String(), "not a digest") || w.Body.Len() > 500) {
				t.Errorf("%s %.60q: %d %.300s", method, d, w.Code, w.Body)
			}
			if d != ".." && w.Code != 400 {
				t.Errorf("%s %.60q: %d, want 400", method, d, w.Code)
			}
		}
		if w := f.ask("HEAD", "/uploads/"+url.PathEscape(d)+"?size=1", nil); w.Code/100 == 2 {
			t.Errorf("HEAD %.60q: %d", d, w.Code)
		}
	}
	if left := files(t, f.uploads); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestHostileUpload: each row is refused with a sentence, and nothing of it stays.
func TestHostileUpload(t *testing.T) {
	t.Parallel()
	d := digestOf([]byte("hello"))
	for name, c := range map[string]struct {
		target, offset string
		body           io.Reader
		status         int
		says           string
	}{
		"no size":           {"/uploads/" + d, "0", strings.NewReader("hello"), 400, "size"},
		"negative size":     {"/uploads/" + d + "?size=-1", "0", strings.NewReader("hello"), 400, "size"},
		"size overflows":    {"/uploads/" + d + "?size=99999999999999999999", "0", strings.NewReader("hello"), 400, "size"},
		"no offset":         {upload(d, 5), "", strings.NewReader("hello"), 400, "Upload-Offset"},
		"negative offset":   {upload(d, 5), "-1", strings.NewReader("hello"), 400, "Upload-Offset"},
		"no number":         {upload(d, 5), "0x0", strings.NewReader("hello"), 400, "Upload-Offset"},
		"wrong offset":      {upload(d, 5), "3", strings.NewReader("lo"), 409, "0 bytes are here"},
		"longer, said":      {upload(d, 5), "0", strings.NewReader("hello!"), 413, "declared"},
		"longer, not said":  {upload(d, 5), "0", io.MultiReader(strings.NewReader("hello!")), 413, "declared"},
		"endless":           {upload(d, 5), "0", endless{}, 413, "declared"},
		"other bytes":       {upload(d, 5), "0", strings.NewReader("hellO"), 422, "not what the digest says"},
		"empty, other":      {upload(d, 0), "0", strings.NewReader(""), 422, "not what the digest says"},
		"larger than disks": {upload(d, 1<<62), "0", strings.NewReader("hello"), 507, "are missing"},
		"above the limit":   {upload(d, 1<<40), "0", strings.NewReader("hello"), 413, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, setup{handler: func(c *remote.HandlerConfig) {
				if name == "above the limit" {
					c.Limit = 1 << 30
				}
			}})
			w := f.ask("PATCH", c.target, c.body, "Upload-Offset", c.offset)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%d %s, want %d and %q", w.Code, w.Body, c.status, c.says)
			}
			if c.status == 507 && !strings.Contains(w.Body.String(), f.uploads) {
				t.Errorf("it does not say where: %s", w.Body)
			}
			if left := files(t, f.uploads); len(left) != 0 || has(t, f.host, d) {
				t.Errorf("left behind: %v", left)
			}
			if w := f.ask("PATCH", upload(d, 5), strings.NewReader("hello"), "Upload-Offset", "0"); w.Code != 201 || !has(t, f.host, d) {
				t.Errorf("afterwards: %d %s", w.Code, w.Body)
			}
		})
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

// TestPieces uploads in three requests; a state in between and at the end.
func TestPieces(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	d := digestOf([]byte("hello world"))
	at := func(offset, complete string) {
		t.Helper()
		w := f.ask("HEAD", upload(d, 11), nil)
		if w.Code != 200 || w.Header().Get("Upload-Offset") != offset || w.Header().Get("Upload-Complete") != complete {
			t.Errorf("%d %v, want %s %q", w.Code, w.Header(), offset, complete)
		}
	}
	at("0", "")
	for i, piece := range []string{"hello", "", " wor"} {
		offset := []string{"0", "5", "5"}[i]
		if w := f.ask("PATCH", upload(d, 11), strings.NewReader(piece), "Upload-Offset", offset); w.Code != 204 {
			t.Fatalf("%q: %d %s", piece, w.Code, w.Body)
		}
	}
	at("9", "")
	if w := f.ask("PATCH", upload(d, 11), strings.NewReader("ld"), "Upload-Offset", "9"); w.Code != 201 || !has(t, f.host, d) {
		t.Fatalf("the end: %d %s", w.Code, w.Body)
	}
	at("11", "?1")
	if w := f.ask("PATCH", upload(d, 11), endless{}, "Upload-Offset", "0"); w.Code != 200 {
		t.Errorf("once more: %d %s", w.Code, w.Body)
	}
	if left := files(t, f.uploads); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestTwoUploads: while one request writes, another is told to wait, and what was written is whole.
func TestTwoUploads(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	d := digestOf([]byte("hello"))
	r, w := io.Pipe()
	var first *httptest.ResponseRecorder
	var wg sync.WaitGroup
	wg.Go(func() { first = f.ask("PATCH", upload(d, 5), r, "Upload-Offset", "0") })
	if _, err := w.Write([]byte("he")); err != nil { // is read, so the request has the upload
		t.Fatal(err)
	}
	second := f.ask("PATCH", upload(d, 5), strings.NewReader("hello"), "Upload-Offset", "0")
	if second.Code != http.StatusLocked || !strings.Contains(second.Body.String(), "another request") {
		t.Errorf("second: %d %s", second.Code, second.Body)
	}
	if _, err := w.Write([]byte("llo")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	wg.Wait()
	if first.Code != 201 || !has(t, f.host, d) {
		t.Errorf("first: %d %s", first.Code, first.Body)
	}
}

// TestSilentUpload: one that sends nothing is cut off and lets another continue.
func TestSilentUpload(t *testing.T) {
	t.Parallel()
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Idle = 20 * time.Millisecond }})
	d := digestOf([]byte("hello"))
	body, w := io.Pipe()
	defer w.Close()
	r, err := http.NewRequestWithContext(t.Context(), "PATCH", f.url+upload(d, 5), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Upload-Offset", "0")
	go w.Write([]byte("he"))
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("a silent upload was answered %d", resp.StatusCode)
		}
	}
	if got := f.ask("PATCH", upload(d, 5), strings.NewReader("llo"), "Upload-Offset", "2"); got.Code != 201 {
		t.Errorf("continued: %d %s", got.Code, got.Body)
	}
}

// TestHammerUploads: many agents bring the same few artifacts at once.
func TestHammerUploads(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	var want [][]byte
	for i := range 3 {
		want = append(want, noise(1<<20+i, uint64(i)))
	}
	var wg sync.WaitGroup
	for range 6 {
		agent := &fleet{folder: t.TempDir(), url: f.url}
		agent.restart(t, setup{})
		wg.Go(func() {
			for _, data := range want {
				if err := agent.store.Upload(t.Context(), put(t, agent.store, data)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, data := range want {
		if d := digestOf(data); !has(t, f.host, d) || !bytes.Equal(read(t, f.host, d), data) {
			t.Errorf("%s is not at the host", d)
		}
	}
	if left := files(t, f.uploads); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStaleUploads(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	old, fresh, other := digestOf([]byte("old"))[7:], digestOf([]byte("new"))[7:], "README"
	for _, name := range []string{old, fresh, other} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	aged(t, filepath.Join(folder, old), 25*time.Hour)
	aged(t, filepath.Join(folder, fresh), 23*time.Hour)
	aged(t, filepath.Join(folder, other), 25*time.Hour)
	start(t, setup{handler: func(c *remote.HandlerConfig) { c.Folder = folder }})
	if got := fmt.Sprint(files(t, folder)); strings.Contains(got, old) || !strings.Contains(got, fresh) || !strings.Contains(got, other) {
		t.Errorf("after the start: %s", got)
	}
}

// TestFullDisks: on a small disk of their own, host and agent refuse before the bytes come, and say where and what.
func TestFullDisks(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	data := noise(4<<20, 1)
	f := start(t, setup{handler: func(c *remote.HandlerConfig) { c.Folder = filepath.Join(disk, "uploads") }})
	d := put(t, f.store, data)
	err := f.store.Upload(t.Context(), d)
	if err == nil || !strings.Contains(err.Error(), disk) || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "507") {
		t.Errorf("upload: %v", err)
	}
	f.folder = filepath.Join(disk, "agent")
	f.restart(t, setup{})
	d = put(t, f.host, data)
	_, err = f.store.Open(context.Background(), d)
	if err == nil || !strings.Contains(err.Error(), disk) || !strings.Contains(err.Error(), "missing") {
		t.Errorf("download: %v", err)
	}
	if left := files(t, disk); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// smallDisk mounts 1 MiB of memory.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder).CombinedOutput(); err != nil {
		t.Skipf("needs a disk of 1 MiB: mount: %v: %s(run the tests as root)", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return folder
}
