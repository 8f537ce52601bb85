package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// files wants a query to give files, each written as its run, a slash and its digest.
func files(t testing.TB, st Store, q store.FileQuery, want ...string) []store.File {
	t.Helper()
	got, err := st.Files(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range got {
		list = append(list, f.Run+"/"+f.Digest)
	}
	if strings.Join(list, " ") != strings.Join(want, " ") {
		t.Errorf("%+v: %v, want %v", q, list, want)
	}
	if q.Limit == 0 {
		if n, err := st.CountFiles(t.Context(), q); err != nil || n-q.Skip != len(want) {
			t.Errorf("%+v: counted %d, %v; %d are listed", q, n, err, len(want))
		}
	}
	return got
}

// naming is the append of one event, in a pipeline, that names files.
func naming(run string, after uint64, pipeline string, names ...store.File) store.Append {
	a := item(run, after, 1)
	a.Head = head(run, pipeline, "running", int(after)+1)
	a.Files = names
	return a
}

func testFiles(t *testing.T, s Suite) {
	st := s.open(t)
	files(t, st, store.FileQuery{})
	in := store.File{Digest: "d1", MediaType: "image/png", Name: "Anna 100%.png", Size: 7, At: "run_1", Created: moment(3)}
	out := store.File{Digest: "d2", MediaType: "video/mp4", Name: "film\x00ü.mp4", Size: 1 << 40, At: "run_1/node.clip/1"}
	add(t, st, naming("run_1", 0, "film", in))
	add(t, st, naming("run_1", 1, "film", out, store.File{Digest: "d1", Name: "another name"})) // the first name stays
	add(t, st, naming("run_2", 0, "song", store.File{Digest: "d1", MediaType: "image/jpeg", Name: "anna.jpg"}, store.File{Digest: "d3", MediaType: "audio/wav", Name: "LA LA.wav"}))
	add(t, st, store.Append{Run: "headless", Events: [][]byte{{1}}, Files: []store.File{{Digest: "d4"}}})

	all := []string{"headless/d4", "run_2/d3", "run_2/d1", "run_1/d2", "run_1/d1"}
	got := files(t, st, store.FileQuery{}, all...)
	for k, want := range map[int]store.File{4: in, 3: out} {
		want.Run, want.Pipeline, want.Num = "run_1", "film", got[k].Num
		if f := got[k]; !f.Created.Equal(want.Created) {
			t.Errorf("made at %v, want %v", f.Created, want.Created)
		}
		if got[k].Created = want.Created; got[k] != want {
			t.Errorf("%+v, want %+v", got[k], want)
		}
	}
	files(t, st, store.FileQuery{Run: "run_1"}, "run_1/d2", "run_1/d1")
	files(t, st, store.FileQuery{Run: "run_"})
	files(t, st, store.FileQuery{Pipeline: "song"}, "run_2/d3", "run_2/d1")
	files(t, st, store.FileQuery{Pipeline: "son"})
	files(t, st, store.FileQuery{MediaType: "image/"}, "run_2/d1", "run_1/d1")
	files(t, st, store.FileQuery{MediaType: "image/png"}, "run_1/d1")
	files(t, st, store.FileQuery{MediaType: "IMAGE/"})
	files(t, st, store.FileQuery{MediaType: "%"})
	files(t, st, store.FileQuery{Text: "ANNA"}, "run_2/d1", "run_1/d1")
	files(t, st, store.FileQuery{Text: "%"}, "run_1/d1")
	files(t, st, store.FileQuery{Text: "la la"}, "run_2/d3")
	files(t, st, store.FileQuery{Text: "\\"})
	files(t, st, store.FileQuery{Run: "run_2", Pipeline: "song", MediaType: "image", Text: "jpg"}, "run_2/d1")
	files(t, st, store.FileQuery{Limit: 2}, all[:2]...)
	files(t, st, store.FileQuery{Limit: 2, Before: got[1].Num}, all[2:4]...)
	files(t, st, store.FileQuery{Before: got[4].Num})
	files(t, st, store.FileQuery{Skip: 3}, all[3:]...)
	files(t, st, store.FileQuery{Limit: 2, Skip: 1, Before: got[0].Num}, all[2:4]...)
	files(t, st, store.FileQuery{MediaType: "image/", Skip: 1}, "run_1/d1")
	files(t, st, store.FileQuery{Limit: 1, Skip: 5})
	if n, err := st.CountFiles(t.Context(), store.FileQuery{Text: "anna", Skip: 1, Limit: 1}); err != nil || n != 2 {
		t.Errorf("counted %d, %v, want 2 whatever is left out", n, err)
	}

	if err := st.Remove(t.Context(), "run_2", 1); err != nil {
		t.Fatal(err)
	}
	files(t, st, store.FileQuery{}, "headless/d4", "run_1/d2", "run_1/d1")
	add(t, st, naming("run_3", 0, "film", in))
	if next := files(t, st, store.FileQuery{Limit: 1}, "run_3/d1"); next[0].Num <= got[0].Num {
		t.Errorf("the newest has number %d, after %d", next[0].Num, got[0].Num)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Files(t.Context(), store.FileQuery{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if _, err := st.CountFiles(t.Context(), store.FileQuery{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}

// testFilesRefused: what is not stored names nothing.
func testFilesRefused(t *testing.T, s Suite) {
	st := s.open(t)
	add(t, st, naming("run_1", 0, "film", store.File{Digest: "d1"}))
	if err := st.Append(t.Context(), naming("run_1", 0, "film", store.File{Digest: "d2"})); !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v, want ErrConflict", err)
	}
	if err := st.Append(t.Context(), naming("run_1", 1, "film", store.File{Name: "no digest"})); err == nil {
		t.Error("a file without a digest is stored")
	}
	done := make(chan error)
	for k := range 20 { // in one group with others
		go func() {
			done <- st.Append(t.Context(), naming("run_1", uint64(k%2)*5, "film", store.File{Digest: fmt.Sprint("wrong", k)}))
		}()
		go func() {
			done <- st.Append(t.Context(), naming(fmt.Sprintf("run_2%02d", k), 0, "many", store.File{Digest: "d"}))
		}()
	}
	refused := 0
	for range 40 {
		if err := <-done; errors.Is(err, store.ErrConflict) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if got, err := st.Files(t.Context(), store.FileQuery{Pipeline: "many"}); err != nil || len(got) != 20 || refused != 20 {
		t.Errorf("%d files, %d refused, %v", len(got), refused, err)
	}
	files(t, st, store.FileQuery{Pipeline: "film"}, "run_1/d1")
}

func testDurableFiles(t *testing.T, s Suite) {
	folder := t.TempDir()
	st := s.reopen(t, folder)
	add(t, st, naming("run_1", 0, "film", store.File{Digest: "d1"}))
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = s.reopen(t, folder)
	add(t, st, naming("run_1", 1, "film", store.File{Digest: "d2"}, store.File{Digest: "d1"}))
	files(t, st, store.FileQuery{}, "run_1/d2", "run_1/d1")
}

// BenchmarkFiles lists 50 of 100,000 files, ten of each of 10,000 runs, of which one in ten is a film, and one in a thousand is called
// "rare". Only a text that few names have needs a look at many of them.
func BenchmarkFiles(b *testing.B, st Store) {
	const runs, each = 10_000, 10
	var group sync.WaitGroup
	for w := range 64 {
		group.Go(func() {
			for r := w; r < runs; r += 64 {
				a := naming(fmt.Sprintf("run_%06d", r), 0, fmt.Sprintf("p%d", r%20))
				for k := range each {
					f := store.File{Digest: fmt.Sprintf("sha256:%064x", r*each+k), MediaType: "image/png", Name: fmt.Sprintf("picture %d.png", k), Size: 1, At: a.Run}
					if k == 0 {
						f.MediaType, f.Name = "video/mp4", "film.mp4"
					}
					if k == 1 && r%100 == 0 {
						f.Name = "rare.png"
					}
					a.Files = append(a.Files, f)
				}
				if err := st.Append(b.Context(), a); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	for name, q := range map[string]store.FileQuery{
		"all": {}, "run": {Run: "run_000007"}, "pipeline": {Pipeline: "p7"}, "no pipeline": {Pipeline: "none"}, "media type": {MediaType: "video/"}, "text": {Text: "film"},
		"page": {Before: runs * each / 2}, "last page": {Skip: runs*each - 50}, "rare text": {Text: "rare"}, "no text": {Text: "nothing"},
	} {
		b.Run(name, func(b *testing.B) {
			q.Limit = 50
			for b.Loop() {
				if _, err := st.Files(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, q := range map[string]store.FileQuery{"count all": {}, "count text": {Text: "film"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := st.CountFiles(b.Context(), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
