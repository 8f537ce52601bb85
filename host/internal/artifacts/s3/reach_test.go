package s3

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
	"github.com/myspinbot/spinbot/sdk"
)

// before gives a proxy before a server that changes requests. They keep the host that was signed.
func before(t *testing.T, server *s3test.Server, change func(*http.Request)) http.Handler {
	t.Helper()
	to, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
		change(r.Out)
	}}
}

// TestSkew: a server whose clock differs too much refuses what is signed, and that is said with what to do.
func TestSkew(t *testing.T) {
	t.Parallel()
	for _, kind := range s3test.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := s3test.Start(t, kind)
			proxy := httptest.NewServer(before(t, server, func(r *http.Request) {
				r.Header.Set("X-Amz-Date", time.Now().UTC().Add(-20*time.Minute).Format("20060102T150405Z"))
			}))
			defer proxy.Close()
			c := config(t, server, "")
			c.Endpoint = strings.TrimPrefix(proxy.URL, "http://")
			ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
			defer cancel()
			if _, err := Open(ctx, c); err == nil || !strings.Contains(err.Error(), "differ by more than 15 minutes: set the clock") {
				t.Errorf("%v (%s)", err, codeOf(err))
			}
		})
	}
}

// TestTLS: a server whose certificate only the file in ca vouches for is believed, and without the file it is not.
func TestTLS(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t, "versitygw")
	proxy := httptest.NewTLSServer(before(t, server, func(*http.Request) {}))
	defer proxy.Close()
	c := config(t, server, "")
	c.Endpoint, c.Plain = strings.TrimPrefix(proxy.URL, "https://"), false
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if _, err := Open(ctx, c); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	c.CA = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(c.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Put(t.Context(), strings.NewReader("over TLS"), sdk.Artifact{})
	if err == nil {
		err = s.Fetch(t.Context(), a.Digest, filepath.Join(t.TempDir(), "got"))
	}
	if err != nil {
		t.Error(err)
	}
}

// TestDamaged: other bytes than the digest says are not given out as the artifact.
func TestDamaged(t *testing.T) {
	t.Parallel()
	s := at(t, s3test.Start(t, "versitygw"), "")
	a, err := s.Put(t.Context(), strings.NewReader("right"), sdk.Artifact{})
	if err != nil {
		t.Fatal(err)
	}
	hexa, _ := name(a.Digest)
	if _, err := s.client.PutObject(t.Context(), s.cfg.Bucket, s.blob(hexa), strings.NewReader("wrong"), 5, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "got")
	if err := s.Fetch(t.Context(), a.Digest, path); err == nil || !strings.Contains(err.Error(), "gave other bytes") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the wrong bytes are left")
	}
}

// TestCredentials: the key comes from the environment, or from the role of the machine. It changes the environment, so it runs alone.
func TestCredentials(t *testing.T) {
	server := s3test.Start(t, "versitygw")
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, fmt.Sprintf(`{"AccessKeyId": %q, "SecretAccessKey": %q, "Token": "", "Expiration": %q}`,
			s3test.AccessKey, s3test.SecretKey, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	}))
	defer role.Close()
	for what, env := range map[string]map[string]string{
		"environment": {"AWS_ACCESS_KEY_ID": s3test.AccessKey, "AWS_SECRET_ACCESS_KEY": s3test.SecretKey},
		"role":        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": role.URL},
	} {
		t.Run(what, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			for name, value := range env {
				t.Setenv(name, value)
			}
			c := config(t, server, "")
			c.Credentials = ""
			if _, err := Open(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
}
