package sumvfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// A page's last bytes are its number and a CRC-32C of everything before that, both little endian.
const sealSize = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes the page's seal.
func seal(page []byte, number uint32) {
	rest := page[len(page)-sealSize:]
	binary.LittleEndian.PutUint32(rest, number)
	binary.LittleEndian.PutUint32(rest[4:], crc32.Checksum(page[:len(page)-4], castagnoli))
}

// sealed says whether the page is what was sealed under that number.
func sealed(page []byte, number uint32) bool {
	rest := page[len(page)-sealSize:]
	return binary.LittleEndian.Uint32(rest) == number &&
		binary.LittleEndian.Uint32(rest[4:]) == crc32.Checksum(page[:len(page)-4], castagnoli)
}

const magic = "SQLite format 3\x00"

// Offsets in the header of an SQLite file: https://sqlite.org/fileformat.html
const (
	atPageSize   = 16
	atVersions   = 18 // of writing and reading; 2: with a log
	atReserved   = 20
	atFractions  = 21 // 64, 32, 32
	atPages      = 28
	atAutoVacuum = 52
	atEncoding   = 56
	atIncVacuum  = 64
	headerSize   = 100
)

// blankPage is a database without tables: in WAL mode, with room for seals, and giving free pages back when told to.
func blankPage() []byte {
	p := make([]byte, PageSize)
	be := binary.BigEndian
	copy(p, magic)
	be.PutUint16(p[atPageSize:], PageSize)
	p[atVersions], p[atVersions+1] = 2, 2
	p[atReserved] = sealSize
	copy(p[atFractions:], []byte{64, 32, 32})
	be.PutUint32(p[atPages:], 1)
	be.PutUint32(p[44:], 4) // schema format
	be.PutUint32(p[atAutoVacuum:], 1)
	be.PutUint32(p[atEncoding:], 1) // UTF-8
	be.PutUint32(p[atIncVacuum:], 1)
	// The schema's table: a leaf without cells, whose content begins at the end of what may be used.
	p[headerSize] = 0x0d
	be.PutUint16(p[headerSize+5:], PageSize-sealSize)
	seal(p, 1)
	return p
}

// blank makes an empty database at path, whole or not at all.
func blank(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(blankPage())
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// DamageError says which file is not what was written, and how that shows.
type DamageError struct{ File, What string }

// Error names the file.
func (e *DamageError) Error() string { return fmt.Sprintf("%s: %s", filepath.Base(e.File), e.What) }

// ErrForeign says that the file is not one of ours.
var ErrForeign = errors.New("it is not a spinbot database, or one of an early development version: move it away, or point the state directory elsewhere")
