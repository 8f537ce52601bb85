package pgstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// A row's data is a CRC-32C of (run, first sequence number, number of events, rest), 4 bytes little endian, then each
// event as its length (uvarint) and its bytes. PostgreSQL checks its pages only where that was asked for.
const crcSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frame(a store.Append) []byte {
	size := crcSize
	for _, e := range a.Events {
		size += binary.MaxVarintLen32 + len(e)
	}
	b := make([]byte, crcSize, size)
	for _, e := range a.Events {
		b = binary.AppendUvarint(b, uint64(len(e)))
		b = append(b, e...)
	}
	binary.LittleEndian.PutUint32(b, checksum(b[crcSize:], a.Run, a.After+1, len(a.Events)))
	return b
}

func checksum(rest []byte, run string, seq uint64, n int) uint32 {
	var head [16]byte
	binary.LittleEndian.PutUint64(head[:], seq)
	binary.LittleEndian.PutUint64(head[8:], uint64(n))
	sum := crc32.Update(crc32.Checksum([]byte(run), castagnoli), castagnoli, head[:])
	return crc32.Update(sum, castagnoli, rest)
}

// unframe gives the events of a row; they share data's memory.
func unframe(data []byte, run string, seq uint64, n int) ([][]byte, error) {
	if len(data) < crcSize || binary.LittleEndian.Uint32(data) != checksum(data[crcSize:], run, seq, n) {
		return nil, errors.New("checksum does not match")
	}
	data = data[crcSize:]
	if n < 0 || n > len(data) { // each takes a byte at least
		return nil, errors.New("number of events does not fit")
	}
	events := make([][]byte, 0, n)
	for range n {
		size, used := binary.Uvarint(data)
		if used <= 0 || size > uint64(len(data)-used) {
			return nil, errors.New("an event is cut off")
		}
		end := used + int(size)
		events = append(events, data[used:end:end])
		data = data[end:]
	}
	if len(data) != 0 {
		return nil, errors.New("bytes after the last event")
	}
	return events, nil
}
