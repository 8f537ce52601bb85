package s3

import (
	"context"
	"time"

	"github.com/minio/minio-go/v7"
)

// copyWritten makes an object say that it was written at another time.
func (s *Store) copyWritten(ctx context.Context, key string, then time.Time) error {
	_, err := s.client.CopyObject(ctx, minio.CopyDestOptions{Bucket: s.cfg.Bucket, Object: key, ReplaceMetadata: true,
		UserMetadata: stamp(then)}, minio.CopySrcOptions{Bucket: s.cfg.Bucket, Object: key})
	return err
}
