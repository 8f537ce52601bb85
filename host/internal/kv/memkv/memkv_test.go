package memkv_test

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/kv"
	"github.com/myspinbot/spinbot/host/internal/kv/kvtest"
	"github.com/myspinbot/spinbot/host/internal/kv/memkv"
)

func TestStore(t *testing.T) {
	t.Parallel()
	kvtest.Suite{Open: func(*testing.T, string) (kv.Store, func() error) {
		return memkv.New(), func() error { return nil }
	}}.Run(t)
}
