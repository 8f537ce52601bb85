package main

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// repeated is the same bytes over and over again.
type repeated []byte

func (r repeated) ReadAt(b []byte, at int64) (int, error) {
	n := 0
	for n < len(b) {
		n += copy(b[n:], r[(at+int64(n))%int64(len(r)):])
	}
	return n, nil
}

// BenchmarkUpload brings 1 GiB to a host that had nothing to do: how fast, beside writing and syncing as much on the same disk
// just before and after, and how much memory the host takes for it.
func BenchmarkUpload(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("reads /proc")
	}
	const size = 1 << 30
	data := make([]byte, 16<<20)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(data)
	var disk, took time.Duration
	var memory float64
	for b.Loop() {
		disk += plainly(b, data, size)
		c, address := serving(b, nil)
		over := client.New(address, nil)
		if _, err := over.NodeTypes(b.Context()); err != nil { // it has looked at its modules then
			b.Fatal(err)
		}
		before, _ := resident(b, c.Process.Pid, 10*time.Second)
		peak := largest(b, c.Process.Pid)
		began := time.Now()
		up, err := over.BeginUpload(b.Context(), "x.bin", "", size)
		if err == nil { // Upload would hash it, too, on the cores that the host has here
			err = over.ContinueUpload(b.Context(), up.ID, 0, io.NewSectionReader(repeated(data), 0, size))
		}
		took += time.Since(began)
		if up, serr := over.ShowUpload(b.Context(), up.ID); err != nil || serr != nil || up.Artifact == nil {
			b.Fatalf("%+v %v %v", up, err, serr)
		}
		memory = max(memory, peak()-before)
		_ = c.Process.Kill()
		_ = c.Wait()
		disk += plainly(b, data, size)
	}
	b.ReportMetric(2*float64(b.N)*size/(1<<20)/disk.Seconds(), "disk-MiB/s")
	b.ReportMetric(float64(b.N)*size/(1<<20)/took.Seconds(), "MiB/s")
	b.ReportMetric(100*disk.Seconds()/2/took.Seconds(), "%-of-disk")
	b.ReportMetric(memory, "MiB")
}

// plainly is how long it takes to write a file and sync it.
func plainly(b *testing.B, data []byte, size int) time.Duration {
	b.Helper()
	path := filepath.Join(b.TempDir(), "x")
	began := time.Now()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; n < size && err == nil; n += 256 << 10 {
		_, err = f.Write(data[n%len(data) : n%len(data)+256<<10])
	}
	if err == nil {
		err = f.Sync()
	}
	took := time.Since(began)
	if err != nil {
		b.Fatal(err)
	}
	f.Close()
	os.Remove(path)
	return took
}
