package meter

import (
	"cmp"
	"slices"
)

// nearby is how many zeros between two data segments are worth less than a segment of its own.
const nearby = 64

// dataSection joins segments that lie close to each other. Go's linker begins a new one after every eight zeros, tens of thousands of
// them, and each costs time and memory in every instance. What is written before the code runs stays the same: memory of the module's
// own is zero between its segments, and where none lies over another their order does not matter. Anything else stays as it is.
func (m *module) dataSection(body []byte) []byte {
	if m.importsMemory || m.numbersData {
		return body
	}
	type segment struct {
		at   uint64
		data []byte
	}
	r := reader{b: body}
	var segments []segment
	for n := r.u32(); n > 0 && !r.failed; n-- {
		if r.u32() != 0 || r.byte() != opI32Const {
			return body // dropped by the code, in another memory, or where a global says
		}
		at := uint32(r.s32())
		if r.byte() != opEnd {
			return body
		}
		segments = append(segments, segment{uint64(at), r.bytes(r.u32())})
	}
	if r.failed || r.more() || len(segments) < 2 {
		return body
	}
	slices.SortFunc(segments, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	var joined []segment
	end := uint64(0)
	for i, s := range segments {
		if i > 0 && s.at < end {
			return body
		}
		gap := s.at - end
		if i == 0 || gap > nearby {
			joined, gap = append(joined, segment{at: s.at}), 0
		}
		last := &joined[len(joined)-1]
		last.data = append(append(last.data, make([]byte, gap)...), s.data...)
		end = s.at + uint64(len(s.data))
	}
	out := appendU32(make([]byte, 0, len(body)), uint32(len(joined)))
	for _, s := range joined {
		out = appendS64(append(out, 0, opI32Const), int64(int32(s.at)))
		out = appendSized(append(out, opEnd), s.data)
	}
	return out
}
