package s3

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
	"github.com/myspinbot/spinbot/sdk"
)

// BenchmarkTransfer puts and fetches files through the store, and through minio-go alone on the same server, in turn: who comes second
// waits for the disk that the first has filled. The ratio is what is left of the plain speed.
func BenchmarkTransfer(b *testing.B) {
	for _, kind := range s3test.Kinds {
		b.Run(kind, func(b *testing.B) {
			s := at(b, s3test.Start(b, kind), "")
			data := make([]byte, 128<<20)
			file := filepath.Join(b.TempDir(), "file")
			var put, get, plainPut, plainGet time.Duration
			timed := func(sum *time.Duration, what func() error) {
				start := time.Now()
				if err := what(); err != nil {
					b.Fatal(err)
				}
				*sum += time.Since(start)
			}
			for n := 0; b.Loop(); n++ {
				_, _ = rand.Read(data)
				if err := os.WriteFile(file, data, 0o600); err != nil {
					b.Fatal(err)
				}
				key, out := fmt.Sprint("plain", n), filepath.Join(b.TempDir(), fmt.Sprint(n))
				var a sdk.Artifact
				puts := []func(){
					func() {
						timed(&plainPut, func() error {
							_, err := s.client.FPutObject(b.Context(), s.cfg.Bucket, key, file, minio.PutObjectOptions{})
							return err
						})
					},
					func() {
						timed(&put, func() error {
							f, err := os.Open(file)
							if err != nil {
								return err
							}
							defer f.Close()
							a, err = s.Put(b.Context(), f, sdk.Artifact{})
							return err
						})
					},
				}
				puts[n%2]()
				puts[1-n%2]()
				gets := []func(){
					func() {
						timed(&plainGet, func() error {
							return s.client.FGetObject(b.Context(), s.cfg.Bucket, key, out+".plain", minio.GetObjectOptions{})
						})
					},
					func() { timed(&get, func() error { return s.Fetch(b.Context(), a.Digest, out) }) },
				}
				gets[n%2]()
				gets[1-n%2]()
			}
			b.ReportMetric(100*plainPut.Seconds()/put.Seconds(), "put-%")
			b.ReportMetric(100*plainGet.Seconds()/get.Seconds(), "get-%")
			b.ReportMetric(float64(b.N)*128/put.Seconds(), "put-MiB/s")
			b.ReportMetric(float64(b.N)*128/get.Seconds(), "get-MiB/s")
		})
	}
}

// BenchmarkSmall puts small artifacts from 16 sides, and as many objects through minio-go alone: what the server can do on this machine.
func BenchmarkSmall(b *testing.B) {
	for _, kind := range s3test.Kinds {
		b.Run(kind, func(b *testing.B) {
			s := at(b, s3test.Start(b, kind), "")
			minute := func(put func(n int, body io.Reader) error) float64 {
				var all sync.WaitGroup
				next := make(chan int)
				began := time.Now()
				for range 16 {
					all.Go(func() {
						for n := range next {
							if err := put(n, io.MultiReader(bytes.NewReader(make([]byte, 4096)), bytes.NewReader(fmt.Append(nil, n)))); err != nil {
								b.Error(err)
							}
						}
					})
				}
				for n := range b.N {
					next <- n
				}
				close(next)
				all.Wait()
				return 60 * float64(b.N) / time.Since(began).Seconds()
			}
			b.ReportMetric(minute(func(_ int, body io.Reader) error {
				_, err := s.Put(b.Context(), body, sdk.Artifact{})
				return err
			}), "artifacts/min")
			b.ReportMetric(minute(func(n int, body io.Reader) error {
				raw, err := io.ReadAll(body)
				if err == nil {
					_, err = s.client.PutObject(b.Context(), s.cfg.Bucket, fmt.Sprint("plain", n), bytes.NewReader(raw), int64(len(raw)), minio.PutObjectOptions{})
				}
				return err
			}), "plain/min")
		})
	}
}
