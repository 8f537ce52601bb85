package sumvfs

import (
	"strings"
	"sync"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"
)

// Kind is what SQLite does with a file.
type Kind string

// The kinds of operations that may be made to fail.
const (
	Open     Kind = "open"
	Read     Kind = "read"
	Write    Kind = "write"
	Sync     Kind = "sync"
	Truncate Kind = "truncate"
)

// Op is one operation on the database or its log.
type Op struct {
	Kind Kind
	Path string
}

// Fault is how an operation fails.
type Fault int32

// The faults of a medium.
const (
	None     Fault = sqlite3.SQLITE_OK
	DiskFull Fault = sqlite3.SQLITE_FULL
	BadSync  Fault = sqlite3.SQLITE_IOERR_FSYNC
	BadWrite Fault = sqlite3.SQLITE_IOERR_WRITE
	BadRead  Fault = sqlite3.SQLITE_IOERR_READ
)

var faults struct {
	active atomic.Int32 // spares everybody else the lock
	sync.RWMutex
	by map[string]func(Op) Fault
}

// Inject lets tests make operations on a database fail: fault is asked before each, until the returned function is
// called. It is called from several goroutines.
func Inject(database string, fault func(Op) Fault) (end func()) {
	faults.Lock()
	defer faults.Unlock()
	if faults.by == nil {
		faults.by = map[string]func(Op) Fault{}
	}
	faults.by[database] = fault
	faults.active.Add(1)
	return func() {
		faults.Lock()
		defer faults.Unlock()
		delete(faults.by, database)
		faults.active.Add(-1)
	}
}

func injected(op Op) int32 {
	if faults.active.Load() == 0 {
		return sqlite3.SQLITE_OK
	}
	faults.RLock()
	defer faults.RUnlock()
	if f := faults.by[strings.TrimSuffix(op.Path, "-wal")]; f != nil {
		return int32(f(op))
	}
	return sqlite3.SQLITE_OK
}
