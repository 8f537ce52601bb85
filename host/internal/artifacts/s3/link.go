package s3

import (
	"context"
	"fmt"
	"net/url"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// CheckPublic says what is wrong with an address for Config.Public.
func CheckPublic(address string) error {
	_, _, err := endpoint(address)
	return err
}

// openLinks prepares links: they are signed for the public endpoint, which this machine need not reach.
func (s *Store) openLinks(ctx context.Context) error {
	c := s.cfg
	var err error
	if c.Endpoint, c.Plain, err = endpoint(c.Public); err != nil {
		return fmt.Errorf("public address %q: %w", c.Public, err)
	}
	if c.Region, err = s.client.GetBucketLocation(ctx, c.Bucket); err != nil {
		return err
	}
	options, err := c.options()
	if err == nil {
		s.links, err = minio.New(c.Endpoint, options)
	}
	return err
}

// Origin implements artifacts.Linker.
func (s *Store) Origin() string {
	if s.links == nil {
		return ""
	}
	u := s.links.EndpointURL()
	return u.Scheme + "://" + u.Host
}

// Link implements artifacts.Linker.
func (s *Store) Link(ctx context.Context, digest, mediaType, disposition string) (string, error) {
	hexa, err := name(digest)
	if err != nil {
		return "", err
	}
	answer := url.Values{"response-content-type": {mediaType}, "response-cache-control": {"private, max-age=31536000, immutable"}}
	if disposition != "" {
		answer.Set("response-content-disposition", disposition)
	}
	u, err := s.links.PresignedGetObject(ctx, s.cfg.Bucket, s.blob(hexa), artifacts.Linked, answer)
	if err != nil {
		return "", s.about("link to", digest, err)
	}
	return u.String(), nil
}
