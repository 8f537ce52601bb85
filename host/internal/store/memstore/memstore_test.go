package memstore_test

import (
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store/memstore"
	"github.com/myspinbot/spinbot/host/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Suite{Open: func(string) (storetest.Store, error) { return memstore.New(), nil }}.Run(t)
}
