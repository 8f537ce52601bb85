package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeArchives writes what it is asked for, and reads all that it is given.
type fakeArchives struct{}

func (fakeArchives) Export(_ context.Context, id string) (func(context.Context, io.Writer) error, error) {
	if id == "run_b" {
		return nil, &client.Problem{Code: client.CodeConflict, Detail: "it goes on"}
	}
	return func(_ context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, "archive of "+id); err != nil || id != "run_c" {
			return err
		}
		return errors.New("the disk is broken")
	}, nil
}

func (fakeArchives) Import(_ context.Context, r io.Reader, from string, look bool) (client.ImportedRun, error) {
	raw, err := io.ReadAll(r)
	if string(raw) == "bad" {
		return client.ImportedRun{}, &client.Problem{Code: client.CodeUnsupported, Detail: "the archive is refused: it is bad"}
	}
	return client.ImportedRun{Version: 1, There: look, Archive: client.RunArchive{Run: string(raw), Host: from, Files: []client.ArchivedFile{}}}, err
}

func (fakeArchives) Backup(context.Context) (func(context.Context, io.Writer) error, error) {
	return func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "backup")
		return err
	}, nil
}

func TestExportRun(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	for _, id := range []string{"run_a", "run_b", "run_c"} {
		b.record(t, id, "succeeded", `{"seq": 1}`)
	}
	res, err := b.http.Get(b.url + "/api/v1/runs/run_a/archive")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || string(raw) != "archive of run_a" || res.Header.Get("Content-Type") != "application/x-tar" || res.Header.Get("Content-Disposition") != `attachment; filename="run_a.tar"` {
		t.Errorf("%q, %v, %v", raw, res.Header, err)
	}
	b.get(t, "/api/v1/runs/run_b/archive").problem(t, 409, client.CodeConflict, "goes on")
	b.get(t, "/api/v1/runs/nobody/archive").problem(t, 404, client.CodeNotFound, "no run nobody")
	// What cannot be written to its end does not end like what is.
	if res, err = b.http.Get(b.url + "/api/v1/runs/run_c/archive"); err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("an archive that broke off ended well")
	}
	res, err = b.http.Head(b.url + "/api/v1/runs/run_a/archive")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", res, err)
	}
	res.Body.Close()
}

func TestImportRun(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	got, err := b.unix.ImportRun(t.Context(), strings.NewReader("run_x"), "studio")
	if err != nil || got.Archive.Run != "run_x" || got.Archive.Host != "studio" || got.There {
		t.Errorf("%+v, %v", got, err)
	}
	a, err := b.unix.Upload(t.Context(), "x.tar", "", strings.NewReader("run_y"))
	if err != nil {
		t.Fatal(err)
	}
	var looked client.ImportedRun
	b.post(t, "/api/v1/imports/run?look=true&artifact="+a.Digest, "").into(t, &looked)
	if looked.Archive.Run != "run_y" || !looked.There {
		t.Errorf("%+v", looked)
	}
	b.post(t, "/api/v1/imports/run?artifact=sha256:0", "").problem(t, 404, client.CodeNotFound, "not a digest")
	b.post(t, "/api/v1/imports/run", "bad").problem(t, 415, client.CodeUnsupported, "it is bad")
}

func TestBackup(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	r, err := b.unix.Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if raw, err := io.ReadAll(r); err != nil || string(raw) != "backup" {
		t.Errorf("%q, %v", raw, err)
	}
}
