package sqlstore

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sync"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// A row's data is a CRC-32C of (run number, first sequence number, number of events, rest), 4 bytes little
// endian, then each event as its length (uvarint) and its bytes. SQLite itself checks no content.
const crcSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// item is one append on its way; it is framed by its caller, so that the writer only copies.
type item struct {
	ctx  context.Context
	a    store.Append
	data []byte
	row  int64
	job  func() error // what to do instead of an append, in a transaction of its own
	err  error
	done chan struct{}
	then func(error) // is told instead, when set, of an item that nobody waits for
}

var items = sync.Pool{New: func() any { return &item{done: make(chan struct{}, 1)} }}

func newItem(ctx context.Context, a store.Append) *item {
	it := items.Get().(*item)
	it.ctx, it.a, it.err = ctx, a, nil
	it.data = frame(it.data[:0], a.Events)
	return it
}

func (it *item) free() {
	if cap(it.data) > 1<<20 {
		it.data = nil
	}
	it.ctx, it.a, it.job, it.then = nil, store.Append{}, nil, nil
	items.Put(it)
}

func (it *item) finish(err error) {
	if then := it.then; then != nil {
		it.free()
		then(err)
		return
	}
	it.err = err
	it.done <- struct{}{}
}

// frame appends the events to b, leaving room for the checksum that seal fills in.
func frame(b []byte, events [][]byte) []byte {
	b = append(b, 0, 0, 0, 0)
	for _, e := range events {
		b = binary.AppendUvarint(b, uint64(len(e)))
		b = append(b, e...)
	}
	return b
}

func seal(data []byte, num int64, seq uint64, n int) {
	binary.LittleEndian.PutUint32(data, checksum(data[crcSize:], num, seq, n))
}

func checksum(rest []byte, num int64, seq uint64, n int) uint32 {
	var head [24]byte
	binary.LittleEndian.PutUint64(head[:], uint64(num))
	binary.LittleEndian.PutUint64(head[8:], seq)
	binary.LittleEndian.PutUint64(head[16:], uint64(n))
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, rest)
}

var errChecksum = errors.New("checksum does not match")

// unframe gives the events of a row; they share data's memory.
func unframe(data []byte, num int64, seq uint64, n int) ([][]byte, error) {
	if len(data) < crcSize || binary.LittleEndian.Uint32(data) != checksum(data[crcSize:], num, seq, n) {
		return nil, errChecksum
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
