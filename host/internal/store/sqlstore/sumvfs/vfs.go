package sumvfs

import (
	"errors"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file speaks C: SQLite here is C that was translated to Go, so that its pointers are numbers and its function
// pointers are Go functions. The wrapped VFS is the default one; a file of ours is one of its files with a header.

// cFile is that header. The wrapped file follows it.
type cFile struct {
	base sqlite3.Tsqlite3_file
	id   uintptr // of its file
}

const cFileSize = unsafe.Sizeof(cFile{})

var (
	under   uintptr              // the wrapped VFS
	own     sqlite3.Tsqlite3_vfs // ours; it has to stay where it is, as has methods
	methods sqlite3.Tsqlite3_io_methods
)

// Register makes the VFS known to SQLite under Name. Doing it again changes nothing.
var Register = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	under = sqlite3.Xsqlite3_vfs_find(tls, 0)
	if under == 0 {
		return errors.New("sqlite has no file system here")
	}
	name, err := libc.CString(Name)
	if err != nil {
		return err
	}
	own = *at[sqlite3.Tsqlite3_vfs](under)
	own.FpNext, own.FzName, own.FszOsFile = 0, name, own.FszOsFile+int32(cFileSize)
	own.FxOpen = pointer(xOpen)
	methods = sqlite3.Tsqlite3_io_methods{
		FiVersion: 2, // without memory mapping, which would go past the seals
		FxClose:   pointer(xClose), FxRead: pointer(xRead), FxWrite: pointer(xWrite), FxTruncate: pointer(xTruncate),
		FxSync: pointer(xSync), FxFileSize: pointer(xFileSize), FxLock: pointer(xLock), FxUnlock: pointer(xUnlock),
		FxCheckReservedLock: pointer(xCheckReservedLock), FxFileControl: pointer(xFileControl),
		FxSectorSize: pointer(xSectorSize), FxDeviceCharacteristics: pointer(xDeviceCharacteristics),
		FxShmMap: pointer(xShmMap), FxShmLock: pointer(xShmLock), FxShmBarrier: pointer(xShmBarrier), FxShmUnmap: pointer(xShmUnmap),
	}
	if rc := sqlite3.Xsqlite3_vfs_register(tls, uintptr(unsafe.Pointer(&own)), 0); rc != sqlite3.SQLITE_OK {
		return errors.New("sqlite takes no file system")
	}
	return nil
})

// at gives what lies at an address that SQLite handed out; it is not Go's memory, and never moves.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// pointer makes a function of this package, never a closure, a C function pointer.
func pointer[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// function makes a C function pointer callable.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

// inner gives the wrapped file and its methods.
func inner(p uintptr) (uintptr, *sqlite3.Tsqlite3_io_methods) {
	f := p + cFileSize
	return f, at[sqlite3.Tsqlite3_io_methods](at[sqlite3.Tsqlite3_file](f).FpMethods)
}

func buffer(address uintptr, n int32) []byte { return unsafe.Slice(at[byte](address), n) }

func xOpen(tls *libc.TLS, _, name, p uintptr, flags int32, out uintptr) int32 {
	open := function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](at[sqlite3.Tsqlite3_vfs](under).FxOpen)
	if flags&(sqlite3.SQLITE_OPEN_MAIN_DB|sqlite3.SQLITE_OPEN_WAL) == 0 || name == 0 {
		return open(tls, under, name, p, flags, out)
	}
	c := at[cFile](p)
	*c = cFile{}
	f := &file{path: libc.GoString(name), log: flags&sqlite3.SQLITE_OPEN_WAL != 0}
	rc := injected(Op{Open, f.path})
	if rc == sqlite3.SQLITE_OK {
		at[sqlite3.Tsqlite3_file](p + cFileSize).FpMethods = 0
		rc = open(tls, under, name, p+cFileSize, flags, out)
		if at[sqlite3.Tsqlite3_file](p+cFileSize).FpMethods != 0 { // SQLite will close it, whatever rc says
			c.base.FpMethods = uintptr(unsafe.Pointer(&methods))
			c.id = files.add(f)
		}
	}
	return rc
}

func xClose(tls *libc.TLS, p uintptr) int32 {
	in, m := inner(p)
	files.remove(at[cFile](p).id)
	return function[func(*libc.TLS, uintptr) int32](m.FxClose)(tls, in)
}

func xRead(tls *libc.TLS, p, to uintptr, n int32, offset int64) int32 {
	in, m := inner(p)
	f := files.get(at[cFile](p).id)
	if rc := injected(Op{Read, f.path}); rc != sqlite3.SQLITE_OK {
		return rc
	}
	rc := function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](m.FxRead)(tls, in, to, n, offset)
	if f.log || n != PageSize {
		return rc
	}
	switch {
	case rc == sqlite3.SQLITE_IOERR_SHORT_READ:
		f.damaged("page %d is missing: the file is cut off", offset/PageSize+1)
	case rc == sqlite3.SQLITE_OK && !sealed(buffer(to, n), uint32(offset/PageSize)+1):
		f.damaged("page %d does not match its checksum", offset/PageSize+1)
	default:
		return rc
	}
	return sqlite3.SQLITE_IOERR_DATA
}

func xWrite(tls *libc.TLS, p, from uintptr, n int32, offset int64) int32 {
	in, m := inner(p)
	f := files.get(at[cFile](p).id)
	if rc := injected(Op{Write, f.path}); rc != sqlite3.SQLITE_OK {
		return rc
	}
	if !f.log && (n != PageSize || offset%PageSize != 0) {
		return sqlite3.SQLITE_IOERR_WRITE // not a page: it could not be sealed
	}
	if !f.log {
		seal(buffer(from, n), uint32(offset/PageSize)+1) // in place: nobody else looks at the reserved bytes
	}
	return function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](m.FxWrite)(tls, in, from, n, offset)
}

func xTruncate(tls *libc.TLS, p uintptr, size int64) int32 {
	in, m := inner(p)
	f := files.get(at[cFile](p).id)
	if rc := injected(Op{Truncate, f.path}); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[func(*libc.TLS, uintptr, int64) int32](m.FxTruncate)(tls, in, size)
}

func xSync(tls *libc.TLS, p uintptr, flags int32) int32 {
	in, m := inner(p)
	f := files.get(at[cFile](p).id)
	if rc := injected(Op{Sync, f.path}); rc != sqlite3.SQLITE_OK {
		return rc
	}
	return function[func(*libc.TLS, uintptr, int32) int32](m.FxSync)(tls, in, flags)
}

func xFileSize(tls *libc.TLS, p, to uintptr) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, uintptr) int32](m.FxFileSize)(tls, in, to)
}

func xLock(tls *libc.TLS, p uintptr, level int32) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, int32) int32](m.FxLock)(tls, in, level)
}

func xUnlock(tls *libc.TLS, p uintptr, level int32) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, int32) int32](m.FxUnlock)(tls, in, level)
}

func xCheckReservedLock(tls *libc.TLS, p, to uintptr) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, uintptr) int32](m.FxCheckReservedLock)(tls, in, to)
}

func xFileControl(tls *libc.TLS, p uintptr, op int32, arg uintptr) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, int32, uintptr) int32](m.FxFileControl)(tls, in, op, arg)
}

func xSectorSize(tls *libc.TLS, p uintptr) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr) int32](m.FxSectorSize)(tls, in)
}

// xDeviceCharacteristics forbids reading parts of a page, which could not be checked.
func xDeviceCharacteristics(tls *libc.TLS, p uintptr) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr) int32](m.FxDeviceCharacteristics)(tls, in) &^ sqlite3.SQLITE_IOCAP_SUBPAGE_READ
}

func xShmMap(tls *libc.TLS, p uintptr, region, size, extend int32, to uintptr) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32](m.FxShmMap)(tls, in, region, size, extend, to)
}

func xShmLock(tls *libc.TLS, p uintptr, offset, n, flags int32) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, int32, int32, int32) int32](m.FxShmLock)(tls, in, offset, n, flags)
}

func xShmBarrier(tls *libc.TLS, p uintptr) {
	in, m := inner(p)
	function[func(*libc.TLS, uintptr)](m.FxShmBarrier)(tls, in)
}

func xShmUnmap(tls *libc.TLS, p uintptr, remove int32) int32 {
	in, m := inner(p)
	return function[func(*libc.TLS, uintptr, int32) int32](m.FxShmUnmap)(tls, in, remove)
}
