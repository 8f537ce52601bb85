package sumvfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Check looks at the database at path before SQLite does, and makes an empty one where there is nothing. What SQLite
// would take for an empty or shorter database is a *DamageError; ErrForeign is a file that is not ours.
func Check(path string) error {
	said, err := readIndex(path + "-shm")
	if err != nil {
		return err
	}
	log, err := readLog(path + "-wal")
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if log.size > 0 || said.frames > 0 {
			return &DamageError{path, "the file is gone, but what belongs to it is still beside it"}
		}
		return blank(path)
	}
	if err != nil {
		return err
	}
	if err := checkLog(path+"-wal", log, said); err != nil {
		return err
	}
	return checkFirstPage(path, info.Size(), log)
}

// checkLog compares the log with what its index says.
func checkLog(path string, log logState, said index) error {
	end := logHeader + int64(said.frames)*frameSize
	switch {
	case said.frames == 0: // nothing was committed to it
		return nil
	case log.size == 0 && said.copied >= said.frames: // the process died between removing the one and the other
		return nil
	case log.size == 0:
		return &DamageError{path, fmt.Sprintf("%d bytes that were committed are missing: the file is gone or empty", end)}
	case log.valid && log.gen != said.gen && said.gen.before(log.gen): // the index is from before a power cut
		return nil
	case log.size < end:
		return &DamageError{path, fmt.Sprintf("it is cut off: %d bytes of the %d that were committed are left", log.size, end)}
	case !log.valid || log.gen != said.gen:
		return &DamageError{path, "its header is damaged"}
	case log.end < end:
		return &DamageError{path, fmt.Sprintf("what was committed is damaged between bytes %d and %d", log.end, end)}
	}
	return nil
}

// checkFirstPage looks at the file's header. A first page that the log has anew may be half written.
func checkFirstPage(path string, size int64, log logState) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	page := make([]byte, PageSize)
	n, err := io.ReadFull(f, page)
	if unlessShort(err) != nil {
		return err
	}
	whole := n == PageSize && sealed(page, 1)
	switch {
	case n == 0:
		return &DamageError{path, "the file is empty"}
	case n < len(magic) || n < PageSize && string(page[:len(magic)]) == magic:
		return &DamageError{path, fmt.Sprintf("the file is cut off after %d bytes", n)}
	case !whole && !ours(page):
		return ErrForeign
	case !whole && (!log.first || !usable(page)):
		return &DamageError{path, "page 1 does not match its checksum"}
	}
	pages := int64(binary.BigEndian.Uint32(page[atPages:]))
	if whole && log.end <= logHeader && size < pages*PageSize {
		return &DamageError{path, fmt.Sprintf("the file is cut off: %d of its %d pages are left", size/PageSize, pages)}
	}
	return nil
}

// ours says whether a first page with a wrong seal was one of ours: whether a single byte that was altered explains it,
// or its header is still that of our files.
func ours(page []byte) bool {
	return binary.LittleEndian.Uint32(page[PageSize-sealSize:]) == 1 || usable(page)
}

// usable says whether SQLite would read the file as ours, going by the part of the header that never changes.
func usable(page []byte) bool {
	return string(page[:len(magic)]) == magic && binary.BigEndian.Uint16(page[atPageSize:]) == PageSize &&
		page[atVersions] == 2 && page[atVersions+1] == 2 && page[atReserved] == sealSize
}
