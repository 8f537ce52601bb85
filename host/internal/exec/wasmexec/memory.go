package wasmexec

import "github.com/tetratelabs/wazero/api"

// memory is the linear memory of one instance. It grows up to the limit and remembers when it refused to.
type memory struct {
	limit   uint64
	buf     []byte
	used    uint64 // of buf's memory, may hold something else than zeros
	shrink  uint64 // what the next call of Reallocate is to give; 0: what it is asked for
	refused uint64 // the size asked for last time that it was too much
	most    uint64 // its largest size in this task
}

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	if m.shrink > 0 {
		size, m.shrink = m.shrink, 0
		m.buf = m.buf[:size]
		return m.buf
	}
	if size > m.limit {
		m.refused = size
		return nil
	}
	from := uint64(len(m.buf))
	if size > uint64(cap(m.buf)) {
		grown := make([]byte, size, min(m.limit, size+size/4))
		copyMemory(grown, m.buf)
		m.buf = grown
	} else {
		m.buf = m.buf[:size]
		clear(m.buf[from:max(from, min(m.used, size))])
	}
	m.used, m.most = max(m.used, size), max(m.most, size)
	return m.buf
}

// copyMemory copies in pieces: between them the garbage collector need not wait.
func copyMemory(dst, src []byte) {
	const piece = 1 << 20
	for len(src) > piece {
		copy(dst, src[:piece])
		dst, src = dst[piece:], src[piece:]
	}
	copy(dst, src)
}

// Free implements experimental.LinearMemory.
func (m *memory) Free() { m.buf = nil }

// shrinkTo gives the memory an earlier size. wazero knows growing only, but takes what Reallocate returns.
func (m *memory) shrinkTo(size uint64, guest api.Memory) bool {
	if uint64(len(m.buf)) == size {
		return true
	}
	m.shrink = size
	_, ok := guest.Grow(1) // refused where the module declares that much and no more
	m.shrink = 0
	return ok && uint64(guest.Size()) == size
}

// A snapshot is the state of memory after an instance was made; its last bytes that are zeros are left out.
type snapshot struct {
	size uint64
	data []byte
}

func takeSnapshot(m *memory) *snapshot {
	n := len(m.buf)
	for n > 0 && m.buf[n-1] == 0 {
		n--
	}
	s := &snapshot{size: uint64(len(m.buf)), data: make([]byte, n)}
	copy(s.data, m.buf)
	return s
}

// restore brings memory back to the snapshot; false when it cannot be.
func (s *snapshot) restore(m *memory, guest api.Memory) bool {
	if !m.shrinkTo(s.size, guest) {
		return false
	}
	copyMemory(m.buf, s.data)
	clear(m.buf[len(s.data):])
	return true
}
