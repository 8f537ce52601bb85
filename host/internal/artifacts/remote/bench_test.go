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
)

// BenchmarkDownload brings 256 MiB from a host to an agent over loopback, and beside it copies the same bytes with
// http.FileServer, io.Copy and fsync: "of_plain" is our rate divided by that one's. Ours hashes all bytes, the plain
// copy none: on a machine where network, hash and disk share two cores, that is the difference.
func BenchmarkDownload(b *testing.B) {
	const size = 256 << 20
	f := start(b, setup{})
	d := put(b, f.host, noise(size, 1))
	source := b.TempDir()
	if err := f.host.Fetch(b.Context(), d, filepath.Join(source, "plain")); err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(http.FileServer(http.Dir(source)))
	b.Cleanup(plain.Close)
	b.SetBytes(size)
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		plainCopy(b, plain.URL+"/plain", filepath.Join(b.TempDir(), "copy"))
		theirs += time.Since(began)
		began = time.Now()
		r, err := f.store.Open(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		r.Close()
		ours += time.Since(began)
		if ok, err := f.local.Remove(context.Background(), d, time.Now().Add(time.Hour)); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	report(b, size, ours, theirs)
}

// BenchmarkUpload is the other direction, against the same plain copy.
func BenchmarkUpload(b *testing.B) {
	const size = 256 << 20
	f := start(b, setup{})
	d := put(b, f.store, noise(size, 2))
	source := b.TempDir()
	if err := f.local.Fetch(b.Context(), d, filepath.Join(source, "plain")); err != nil {
		b.Fatal(err)
	}
	plain := httptest.NewServer(http.FileServer(http.Dir(source)))
	b.Cleanup(plain.Close)
	b.SetBytes(size)
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		plainCopy(b, plain.URL+"/plain", filepath.Join(b.TempDir(), "copy"))
		theirs += time.Since(began)
		began = time.Now()
		if err := f.store.Upload(b.Context(), d); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		if ok, err := f.host.Remove(context.Background(), d, time.Now().Add(time.Hour)); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	report(b, size, ours, theirs)
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
	defer os.Remove(path)
	defer f.Close()
	if _, err := io.Copy(f, resp.Body); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}
