package s3

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts/artifactstest"
	"github.com/myspinbot/spinbot/host/internal/artifacts/s3/s3test"
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
					if err := s.drop(t.Context(), s.touchedBy(hexa)); err != nil {
						return err
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
