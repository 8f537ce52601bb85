// Package s3 keeps artifacts in a bucket of any server that speaks S3, one object each: PREFIX/sha256/ab/cdef….
//
// An object appears once it is whole, as S3 has it. The server is told its digest, and verifies what arrives. When an artifact was touched
// since it was put says the key of an empty object, PREFIX/touched/abcdef…/TIME. What is being removed has one at PREFIX/going/abcdef….
// Times are those of whoever wrote, and exact: whole seconds, as S3 tells them, are too coarse to say what came first.
//
// Nothing locks. A remover first says that it is at it, then looks how new the artifact is, removes it, and says that it is done. Whoever
// puts or touches looks afterwards whether somebody removes, waits until that is over, and then whether the artifact is there. So one
// of both sees the other. Several hosts may remove.
package s3

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
)

// Config is where a store is and who may use it.
type Config struct {
	Where
	// Credentials is a file in the form of ~/.aws/credentials; empty: that one, if it is there. What the environment has
	// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE) goes before it, and the role of the machine after it.
	Credentials string
	// Public is the server as browsers reach it, such as https://s3.example.org; empty: they do not, and no links are given.
	Public string
	// Scratch is a folder on disk for what has to be known whole before it can be named.
	Scratch string
}

// Store is an artifacts.Store in a bucket.
type Store struct {
	cfg    Config
	client *minio.Client
	links  *minio.Client // signs for the public endpoint, and never asks there; nil: no links

	// patience is how long the same removal is seen before its remover is taken for dead.
	patience time.Duration

	removing sync.Mutex          // one removal at a time
	others   map[string]sighting // removals of other hosts that were in the way, by what they remove
}

// New makes a store that connects when it is used, in a bucket that somebody else makes.
func New(c Config) (*Store, error) {
	s := &Store{cfg: c, patience: forgotten, others: map[string]sighting{}}
	err := os.MkdirAll(c.Scratch, 0o700)
	var options *minio.Options
	if err == nil {
		options, err = c.options()
	}
	if err == nil {
		s.client, err = minio.New(c.Endpoint, options)
	}
	if err != nil {
		return nil, fmt.Errorf("artifacts in %s: %w", c.Where, err)
	}
	return s, nil
}

// Open makes a store, connects, and makes the bucket when there is none.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("artifacts in %s: %w", c.Where, err)
	}
	return s, nil
}

// Look says whether the bucket is there, and makes none. Credentials that do not fit are an error.
func Look(ctx context.Context, c Config) (there bool, err error) {
	options, err := c.options()
	if err != nil {
		return false, fmt.Errorf("artifacts in %s: %w", c.Where, err)
	}
	options.MaxRetries = 1
	m, err := minio.New(c.Endpoint, options)
	if err == nil {
		there, err = m.BucketExists(ctx, c.Bucket)
	}
	if err != nil {
		return false, fmt.Errorf("artifacts in %s: %w", c.Where, explain(err))
	}
	return there, nil
}

func (s *Store) connect(ctx context.Context) error {
	there, err := s.client.BucketExists(ctx, s.cfg.Bucket)
	if err == nil && !there {
		err = s.client.MakeBucket(ctx, s.cfg.Bucket, minio.MakeBucketOptions{Region: s.cfg.Region})
		if codeOf(err) == "BucketAlreadyOwnedByYou" {
			err = nil // another host was first
		}
	}
	if err == nil && s.cfg.Public != "" {
		err = s.openLinks(ctx)
	}
	return explain(err)
}

func (c Config) options() (*minio.Options, error) {
	transport, err := minio.DefaultTransport(!c.Plain)
	if err != nil {
		return nil, err
	}
	transport.MaxIdleConnsPerHost = 64
	transport.ResponseHeaderTimeout = time.Minute
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", c.CA)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	lookup := minio.BucketLookupAuto
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	creds := credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{Filename: c.Credentials},
		&credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}}})
	return &minio.Options{Creds: creds, Secure: !c.Plain, Region: c.Region, Transport: transport, BucketLookup: lookup, MaxRetries: 5}, nil
}

// name gives the digest's 64 digits.
func name(digest string) (string, error) {
	hexa, ok := strings.CutPrefix(digest, "sha256:")
	if raw, err := hex.DecodeString(hexa); !ok || err != nil || len(raw) != sha256.Size || hexa != strings.ToLower(hexa) {
		return "", fmt.Errorf("artifact %q: %w", digest, artifacts.ErrDigest)
	}
	return hexa, nil
}

func (s *Store) blobs() string            { return s.cfg.Prefix + "sha256/" }
func (s *Store) blob(hexa string) string  { return s.blobs() + hexa[:2] + "/" + hexa[2:] }
func (s *Store) touches() string          { return s.cfg.Prefix + "touched/" }
func (s *Store) going(hexa string) string { return s.cfg.Prefix + "going/" + hexa }

// about says of which artifact, and where, an error is.
func (s *Store) about(doing, digest string, err error) error {
	if err == nil {
		return nil
	}
	if absent(err) {
		return fmt.Errorf("artifact %s: %w", digest, artifacts.ErrNotFound)
	}
	return fmt.Errorf("%s %s in %s: %w", doing, digest, s.cfg.Where, explain(err))
}

// absent says whether there is no such object.
func absent(err error) bool {
	code := codeOf(err)
	return code == minio.NoSuchKey || code == "NotFound"
}

// codeOf gives S3's name of an error; empty: it is none of the server's.
func codeOf(err error) string {
	var answer minio.ErrorResponse
	errors.As(err, &answer)
	return answer.Code
}

// mends says for each error of a server's what helps.
var mends = map[string]string{
	"AccessDenied":          "the key may not do that: it needs s3:GetObject, PutObject, DeleteObject and ListBucket on the bucket",
	"InvalidAccessKeyId":    "the server does not know that key: set AWS_ACCESS_KEY_ID, or the credentials file",
	"XAdminUserNotFound":    "the server does not know that key: set AWS_ACCESS_KEY_ID, or the credentials file",
	"SignatureDoesNotMatch": "the secret does not belong to the key: set AWS_SECRET_ACCESS_KEY, or the credentials file",
	"RequestTimeTooSkewed":  "this machine's clock and the server's differ by more than 15 minutes: set the clock, with timedatectl set-ntp true for instance",
	"NoSuchBucket":          "the bucket was removed while the host ran: make it again, or start the host again, which makes it",
	"XMinioStorageFull":     "the server's disk is full: free some space there",
	"QuotaExceeded":         "the bucket's quota is used up",
	"EntityTooLarge":        "the server takes no object that large",
}

// explain says what helps against an error, too.
func explain(err error) error {
	if fix, ok := mends[codeOf(err)]; ok {
		return fmt.Errorf("%w; %s", err, fix)
	}
	var net *url.Error
	if errors.As(err, &net) {
		return fmt.Errorf("%w; is the server running, and does its address stand after endpoint=?", err)
	}
	return err
}
