package sqlstore_test

import (
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store/sqlstore"
	"github.com/myspinbot/spinbot/host/internal/store/storetest"
)

// BenchmarkFiles lists 50 of 100,000 files.
func BenchmarkFiles(b *testing.B) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "spinbot.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	storetest.BenchmarkFiles(b, st)
}

// BenchmarkNearest finds 50 of 10,000 files by vectors of 768 numbers.
func BenchmarkNearest(b *testing.B) {
	st, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), "spinbot.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	storetest.BenchmarkNearest(b, st)
}
