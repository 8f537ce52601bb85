package s3

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
	"github.com/myspinbot/spinbot/sdk"
)

// race is how long each took of two who do the same, in turn: who comes second waits for the disk that the first has filled.
type race struct{ ours, plain []time.Duration }

func (r *race) run(b *testing.B, ours, plain func() error) {
	timed := func(all *[]time.Duration, what func() error) {
		start := time.Now()
		if err := what(); err != nil {
			b.Fatal(err)
		}
		*all = append(*all, time.Since(start))
	}
	if len(r.ours)%2 == 0 {
		timed(&r.ours, ours)
		timed(&r.plain, plain)
		return
	}
	timed(&r.plain, plain)
	timed(&r.ours, ours)
}

// report says what is left of the plain speed, by the medians: on a machine that does other things as well a few take far longer.
func (r *race) report(b *testing.B, name string, size int) {
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return (all[(len(all)-1)/2] + all[len(all)/2]).Seconds() / 2
	}
	b.ReportMetric(100*median(r.plain)/median(r.ours), name+"-%")
	b.ReportMetric(float64(size>>20)/median(r.ours), name+"-MiB/s")
}

// BenchmarkTransfer puts and fetches files through the store, and through minio-go alone on the same server.
func BenchmarkTransfer(b *testing.B) {
	const gets = 5 // of each that was put
	for _, kind := range s3test.Kinds {
		b.Run(kind, func(b *testing.B) {
			s := at(b, s3test.Start(b, kind), "")
			data := make([]byte, 128<<20)
			file, out := filepath.Join(b.TempDir(), "file"), filepath.Join(b.TempDir(), "out")
			var put, get race
			for n := 0; b.Loop(); n++ {
				_, _ = rand.Read(data)
				if err := os.WriteFile(file, data, 0o600); err != nil {
					b.Fatal(err)
				}
				key := fmt.Sprint("plain", n)
				var a sdk.Artifact
				put.run(b, func() error {
					f, err := os.Open(file)
					if err != nil {
						return err
					}
					defer f.Close()
					a, err = s.Put(b.Context(), f, sdk.Artifact{})
					return err
				}, func() error {
					_, err := s.client.FPutObject(b.Context(), s.cfg.Bucket, key, file, minio.PutObjectOptions{})
					return err
				})
				for range gets {
					get.run(b, func() error { return s.Fetch(b.Context(), a.Digest, out) }, func() error {
						return s.client.FGetObject(b.Context(), s.cfg.Bucket, key, out+".plain", minio.GetObjectOptions{})
					})
					if err := errors.Join(os.Remove(out), os.Remove(out+".plain")); err != nil {
						b.Fatal(err)
					}
				}
			}
			put.report(b, "put", len(data))
			get.report(b, "get", len(data))
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
