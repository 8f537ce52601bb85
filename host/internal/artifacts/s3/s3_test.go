package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/artifactstest"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
	"github.com/myspinbot/spinbot/sdk"
)

// keys writes the key of the test's servers where a person would.
func keys(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3test.AccessKey, s3test.SecretKey)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// at opens a store in a bucket of a server.
func at(t testing.TB, server *s3test.Server, rest string) *Store {
	t.Helper()
	s, err := Open(context.Background(), config(t, server, rest))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func config(t testing.TB, server *s3test.Server, rest string) Config {
	t.Helper()
	w, err := Parse("s3://artifacts/" + rest + "?endpoint=" + server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return Config{Where: w, Credentials: keys(t), Scratch: t.TempDir()}
}

// TestStore: what every store does, on two servers.
func TestStore(t *testing.T) {
	t.Parallel()
	for _, kind := range s3test.Kinds {
		t.Run(kind, func(t *testing.T) {
			server := s3test.Start(t, kind)
			suite := artifactstest.Suite{Open: func(folder string) (artifactstest.Store, error) {
				return at(t, server, strings.Trim(folder, "/")), nil
			}}
			if kind == "versitygw" { // an object is a file, whose time can be set
				suite.Age = func(folder, digest string, ago time.Duration) error {
					s := at(t, server, strings.Trim(folder, "/"))
					hexa, err := name(digest)
					if err != nil {
						return err
					}
					then := time.Now().Add(-ago)
					touched, err := s.touched(t.Context(), hexa)
					if err != nil {
						return err
					}
					for _, when := range touched {
						if err := s.drop(t.Context(), s.touchKey(hexa, when)); err != nil {
							return err
						}
					}
					if err := s.copyWritten(t.Context(), s.blob(hexa), then); err != nil {
						return err
					}
					return os.Chtimes(filepath.Join(server.Dir, "artifacts", s.blob(hexa)), then, then)
				}
			}
			suite.Run(t)
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]Where{
		"s3://films":                           {Bucket: "films", Endpoint: aws},
		"s3://films/":                          {Bucket: "films", Endpoint: aws},
		"s3://films/a/b/?region=eu-west-1":     {Bucket: "films", Prefix: "a/b/", Endpoint: aws, Region: "eu-west-1"},
		"s3://films?endpoint=http://box1:9000": {Bucket: "films", Endpoint: "box1:9000", Plain: true, PathStyle: true},
		"s3://films?endpoint=https://s3.example&path_style=false&ca=/etc/ca.pem": {Bucket: "films", Endpoint: "s3.example", CA: "/etc/ca.pem"},
	} {
		if got, err := Parse(address); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", address, got, err, want)
		}
	}
	for address, want := range map[string]string{
		"": "no address of a bucket", "films": "no address of a bucket", "https://films": "no address of a bucket", "s3://": "cannot be a bucket",
		"s3://Films": "cannot be a bucket", "s3://a_b": "cannot be a bucket", "s3://key:secret@films": "keys do not belong", "s3://films?endpoint=box1:9000": "endpoint: want http",
		"s3://films?endpoint=http://k:s@box1": "endpoint: want http", "s3://films?path_style=maybe": "path_style", "s3://films?secret=x": `no "secret"`, "s3://films#x": "#", "s3://%zz": "no address",
	} {
		if _, err := Parse(address); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "key:secret") {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
}

// TestHow: each thing that can be wrong with a server is said in words, with what to do.
func TestHow(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t, "versitygw")
	wrong := config(t, server, "")
	wrong.Credentials = filepath.Join(t.TempDir(), "key")
	text := "[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
	if err := os.WriteFile(wrong.Credentials, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	down := config(t, server, "")
	down.Endpoint = "127.0.0.1:1"
	secret := config(t, server, "")
	secret.CA = filepath.Join(t.TempDir(), "absent.pem")
	tls := config(t, server, "")
	tls.Plain = false
	for what, c := range map[string]struct {
		Config
		want string
	}{
		"key": {wrong, "set AWS_ACCESS_KEY_ID"}, "down": {down, "is the server running"}, "ca": {secret, "absent.pem"}, "tls": {tls, "HTTP response to HTTPS client"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		_, err := Open(ctx, c.Config)
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bucket artifacts at ") {
			t.Errorf("%s: %v (%s), want %q", what, err, codeOf(err), c.want)
		}
	}
}

// TestForgotten: a remover that died holds nobody up for longer than its patience.
func TestForgotten(t *testing.T) {
	t.Parallel()
	s := at(t, s3test.Start(t, "versitygw"), "")
	s.patience = 100 * time.Millisecond
	a, err := s.Put(t.Context(), strings.NewReader("x"), sdk.Artifact{})
	if err != nil {
		t.Fatal(err)
	}
	hexa, _ := name(a.Digest)
	die := func() {
		if mine, err := s.announce(t.Context(), hexa); !mine || err != nil {
			t.Fatal(mine, err)
		}
	}
	die()
	if err := s.Touch(t.Context(), a.Digest); err != nil {
		t.Error(err)
	}
	if _, err := s.stat(t.Context(), s.going(hexa)); !absent(err) {
		t.Errorf("the dead one's word is still there: %v", err)
	}
	die()
	for end := time.Now().Add(60 * time.Second); ; {
		removed, err := s.Remove(t.Context(), a.Digest, time.Now().Add(time.Hour))
		if err != nil || time.Now().After(end) {
			t.Fatalf("%t, %v", removed, err)
		}
		if removed {
			break
		}
	}
}

// TestCut: a connection that breaks in the middle is taken up where it broke, and one that always breaks ends with an error.
func TestCut(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t, "minio")
	proxy := cutting(t, server.Addr)
	c := config(t, server, "")
	c.Endpoint = proxy.addr
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	a, err := s.Put(t.Context(), bytes.NewReader(data), sdk.Artifact{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "got")
	proxy.after.Store(1 << 20)
	if err := s.Fetch(t.Context(), a.Digest, path); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) || proxy.cuts.Load() < 2 {
		t.Errorf("%d bytes after %d cuts, %v", len(got), proxy.cuts.Load(), err)
	}
	proxy.after.Store(1) // not even an answer's head comes through
	if err := s.Fetch(t.Context(), a.Digest, path+"2"); err == nil || !strings.Contains(err.Error(), a.Digest) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(path + "2"); err == nil {
		t.Error("a failed fetch left a file")
	}
}

// cutter hands on connections, and cuts each after so many bytes of answers; 0: none.
type cutter struct {
	addr  string
	after atomic.Int64
	cuts  atomic.Int64
}

func cutting(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go c.hand(from, to)
		}
	}()
	return c
}

func (c *cutter) hand(from net.Conn, to string) {
	defer from.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(server, from) }()
	buf := make([]byte, 32<<10)
	for sent := int64(0); ; {
		n, err := server.Read(buf)
		if limit := c.after.Load(); limit > 0 && sent+int64(n) > limit {
			c.cuts.Add(1)
			return
		}
		if _, werr := from.Write(buf[:n]); err != nil || werr != nil {
			return
		}
		sent += int64(n)
	}
}

// TestLink: a link gives whoever has it the bytes, as it says and from where it says; a store without a public address gives none.
func TestLink(t *testing.T) {
	t.Parallel()
	for _, kind := range s3test.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server := s3test.Start(t, kind)
			if origin := at(t, server, "").Origin(); origin != "" {
				t.Errorf("without a public address it has %s", origin)
			}
			c := config(t, server, "studio")
			c.Public = strings.Replace(server.URL(), "127.0.0.1", "localhost", 1)
			s, err := Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			a, err := s.Put(t.Context(), strings.NewReader("<script>"), sdk.Artifact{})
			if err != nil {
				t.Fatal(err)
			}
			link, err := s.Link(t.Context(), a.Digest, "text/plain; charset=utf-8", `attachment; filename="x y.txt"`)
			if err != nil || !strings.HasPrefix(link, c.Public+"/") || s.Origin() != c.Public || strings.Contains(link, s3test.SecretKey) {
				t.Fatalf("%s of %s, %v", link, s.Origin(), err)
			}
			res, err := http.Get(link)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != "<script>" || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || res.Header.Get("Content-Disposition") != `attachment; filename="x y.txt"` {
				t.Errorf("%s %v %s, %v", res.Status, res.Header, body, err)
			}
			if res, err = http.Get(strings.Replace(link, "text%2Fplain", "text%2Fhtml", 1)); err == nil {
				res.Body.Close()
			}
			if err != nil || res.StatusCode != http.StatusForbidden {
				t.Errorf("the type can be changed: %v, %v", res, err)
			}
			if _, err := s.Link(t.Context(), "sha256:1", "", ""); err == nil {
				t.Error("there is a link to no digest")
			}
		})
	}
}
