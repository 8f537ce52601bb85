package remote_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/dir"
)

const benchSize = 256 << 20

// BenchmarkDownload brings 256 MiB from a host to an agent over loopback.
func BenchmarkDownload(b *testing.B) {
	f := start(b, setup{})
	d := put(b, f.host, noise(benchSize, 1))
	compare(b, f.host, d, func() {
		r, err := f.store.Open(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
	}, f.local)
}

// BenchmarkUpload is the other direction.
func BenchmarkUpload(b *testing.B) {
	f := start(b, setup{})
	d := put(b, f.store, noise(benchSize, 2))
	compare(b, f.local, d, func() {
		if err := f.store.Upload(b.Context(), d); err != nil {
			b.Fatal(err)
		}
	}, f.host)
}

// compare times it beside a plain copy of the same bytes (http.FileServer, io.Copy, fsync), taking turns in who is
// first; what either leaves is removed off the clock. "of_plain" is our rate divided by the plain copy's. Ours also
// hashes; the plain copy moves smaller pieces. Server and client share the machine's cores and disk: on one that others
// use too, single figures differ by half.
func compare(b *testing.B, from *dir.Store, digest string, transfer func(), to *dir.Store) {
	source, copied := b.TempDir(), filepath.Join(b.TempDir(), "copy")
	if err := from.Fetch(b.Context(), digest, filepath.Join(source, "plain")); err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(http.FileServer(http.Dir(source)))
	b.Cleanup(plain.Close)
	var ours, theirs time.Duration
	sides := []func(){
		func() {
			theirs += timed(func() { plainCopy(b, plain.URL+"/plain", copied) })
			os.Remove(copied)
		},
		func() {
			ours += timed(transfer)
			if ok, err := to.Remove(context.Background(), digest, time.Now().Add(time.Hour)); !ok || err != nil {
				b.Fatal(ok, err)
			}
		},
	}
	b.SetBytes(2 * benchSize)
	for round := 0; b.Loop(); round++ {
		sides[round%2]()
		sides[1-round%2]()
	}
	report(b, benchSize, ours, theirs)
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func report(b *testing.B, size int, ours, theirs time.Duration) {
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "of_plain")
	b.ReportMetric(float64(size*b.N)/(1<<20)/ours.Seconds(), "MiB/s")
	b.ReportMetric(float64(size*b.N)/(1<<20)/theirs.Seconds(), "plain_MiB/s")
}

func plainCopy(b *testing.B, url, path string) {
	b.Helper()
	resp, err := http.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, resp.Body); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}
