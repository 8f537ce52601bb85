package wasmexec

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// maxTable is how many references one table may hold: eight bytes each of the host's memory, which the memory limit
// does not count. maxTables is how many tables a module may have.
const (
	maxTable  = 1 << 18
	maxTables = 16

	tableSection = 4
)

// limitTables gives every table of the module a maximum, so that table.grow cannot fill the host's memory: growing
// beyond it fails inside the guest, as the specification says. What it cannot read it leaves to the compiler to refuse.
func limitTables(code []byte) ([]byte, error) {
	const header = 8
	for at := header; at+1 < len(code); {
		length, n := binary.Uvarint(code[at+1:])
		begin := at + 1 + n
		if n <= 0 || length > uint64(len(code)-begin) {
			return code, nil
		}
		end := begin + int(length)
		if code[at] == tableSection {
			tables, err := limited(code[begin:end])
			if tables == nil || err != nil {
				return code, err
			}
			section := append(binary.AppendUvarint([]byte{tableSection}, uint64(len(tables))), tables...)
			return slices.Concat(code[:at], section, code[end:]), nil
		}
		at = end
	}
	return code, nil
}

// limited rewrites a table section; nil when it cannot be read.
func limited(section []byte) ([]byte, error) {
	ok := true
	next := func() uint64 {
		v, n := binary.Uvarint(section)
		if n <= 0 {
			ok = false
			return 0
		}
		section = section[n:]
		return v
	}
	count := next()
	if count > maxTables {
		return nil, fmt.Errorf("has %d tables; at most %d are allowed", count, maxTables)
	}
	out := binary.AppendUvarint(nil, count)
	for range count {
		kind, flags, least := next(), next(), next()
		most := uint64(maxTable)
		if flags&1 != 0 {
			most = min(most, next())
		}
		if flags > 1 || kind > 0x7f { // none of the forms that WASM 2 knows
			ok = false
		}
		if ok && least > maxTable {
			return nil, fmt.Errorf("has a table of %d entries; at most %d are allowed", least, maxTable)
		}
		out = append(out, byte(kind), 1)
		out = binary.AppendUvarint(binary.AppendUvarint(out, least), most)
	}
	if !ok || len(section) > 0 {
		return nil, nil
	}
	return out, nil
}
