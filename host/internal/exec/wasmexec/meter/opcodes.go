package meter

import "fmt"

// The instructions that are treated apart.
const (
	opUnreachable        = 0x00
	opBlock              = 0x02
	opLoop               = 0x03
	opIf                 = 0x04
	opElse               = 0x05
	opEnd                = 0x0b
	opBr                 = 0x0c
	opBrIf               = 0x0d
	opBrTable            = 0x0e
	opReturn             = 0x0f
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
	opSelect             = 0x1b
	opLocalGet           = 0x20
	opLocalSet           = 0x21
	opLocalTee           = 0x22
	opGlobalGet          = 0x23
	opGlobalSet          = 0x24
	opTableGet           = 0x25
	opTableSet           = 0x26
	opMemorySize         = 0x3f
	opMemoryGrow         = 0x40
	opI32Const           = 0x41
	opI64Const           = 0x42
	opI32Eqz             = 0x45
	opI32Eq              = 0x46
	opI32Ne              = 0x47
	opI32GtU             = 0x4b
	opI32LeU             = 0x4d
	opI64LtS             = 0x53
	opI64GtU             = 0x56
	opI32Add             = 0x6a
	opI32Sub             = 0x6b
	opI32Or              = 0x72
	opI64Add             = 0x7c
	opI64Sub             = 0x7d
	opI64Shl             = 0x86
	opI64ShrU            = 0x88
	opI64ExtendI32U      = 0xad
	opRefNull            = 0xd0
	opRefFunc            = 0xd2
	prefixMisc           = 0xfc
	prefixVector         = 0xfd

	miscMemoryInit = 8
	miscDataDrop   = 9
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscElemDrop   = 13
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

// immediate is what follows an opcode.
type immediate uint8

const (
	unknown immediate = iota
	nothing
	leb1      // one LEB128
	leb2      // two
	index1    // an unsigned number
	index2    // two
	blockType // a type, or the number of one
	four      // bytes
	eight     // bytes
	labels    // of br_table
	types     // of a typed select
	prefixed  // another opcode
	vector16  // bytes
	laneIndex // a byte, also of memory.size and memory.grow
	leb2Lane
)

var immediates, misc, vector = func() (one, misc, vector [256]immediate) {
	set := func(table *[256]immediate, kind immediate, from, to int) {
		for i := from; i <= to; i++ {
			table[i] = kind
		}
	}
	set(&one, nothing, 0x00, 0x01)
	set(&one, blockType, opBlock, opIf)
	set(&one, nothing, opElse, opElse)
	set(&one, nothing, opEnd, opEnd)
	set(&one, index1, opBr, opBrIf)
	set(&one, labels, opBrTable, opBrTable)
	set(&one, nothing, opReturn, opReturn)
	set(&one, index1, opCall, opCall)
	set(&one, index2, opCallIndirect, opCallIndirect)
	set(&one, index1, opReturnCall, opReturnCall)
	set(&one, index2, opReturnCallIndirect, opReturnCallIndirect)
	set(&one, nothing, 0x1a, opSelect)
	set(&one, types, 0x1c, 0x1c)
	set(&one, index1, opLocalGet, opTableSet)
	set(&one, leb2, 0x28, 0x3e)
	set(&one, laneIndex, opMemorySize, opMemoryGrow)
	set(&one, leb1, opI32Const, opI64Const)
	set(&one, four, 0x43, 0x43)
	set(&one, eight, 0x44, 0x44)
	set(&one, nothing, 0x45, 0xc4)
	set(&one, leb1, opRefNull, opRefNull)
	set(&one, nothing, 0xd1, 0xd1)
	set(&one, index1, opRefFunc, opRefFunc)
	set(&one, prefixed, prefixMisc, prefixVector)

	set(&misc, nothing, 0, 7)
	set(&misc, index2, miscMemoryInit, miscMemoryInit)
	set(&misc, index1, miscDataDrop, miscDataDrop)
	set(&misc, index2, miscMemoryCopy, miscMemoryCopy)
	set(&misc, index1, miscMemoryFill, miscMemoryFill)
	set(&misc, index2, miscTableInit, miscTableInit)
	set(&misc, index1, miscElemDrop, miscElemDrop)
	set(&misc, index2, miscTableCopy, miscTableCopy)
	set(&misc, index1, miscTableGrow, miscTableFill)

	set(&vector, leb2, 0, 11)
	set(&vector, vector16, 12, 13)
	set(&vector, nothing, 14, 20)
	set(&vector, laneIndex, 21, 34)
	set(&vector, nothing, 35, 83)
	set(&vector, leb2Lane, 84, 91)
	set(&vector, leb2, 92, 93)
	set(&vector, nothing, 94, 255)
	return one, misc, vector
}()

// An instruction is one of a body: at is where it begins; sub is what follows a prefix; index the first number after
// it, and index2 the second. A block that is not of a numbered type has the index noType.
type instruction struct {
	at            int
	op            byte
	sub           uint32
	index, index2 uint32
}

const noType = 1<<32 - 1

// next reads an instruction.
func (r *reader) next() (instruction, error) {
	in := instruction{at: r.at}
	in.op = r.byte()
	kind := immediates[in.op]
	if kind == nothing && !r.failed {
		return in, nil
	}
	if kind == prefixed {
		in.sub = r.u32()
		kind = unknown
		if in.sub < 256 && in.op == prefixMisc {
			kind = misc[in.sub]
		} else if in.sub < 256 {
			kind = vector[in.sub]
		}
	}
	switch kind {
	case nothing:
	case index1:
		in.index = r.u32()
	case index2:
		in.index = r.u32()
		in.index2 = r.u32()
	case blockType:
		if in.index = noType; r.more() && r.b[r.at]&0xc0 != 0x40 { // a positive number
			in.index = r.u32()
		} else {
			r.byte()
		}
	case leb1:
		r.leb()
	case leb2:
		r.leb()
		r.leb()
	case four:
		r.skip(4)
	case eight:
		r.skip(8)
	case vector16:
		r.skip(16)
	case laneIndex:
		in.index = uint32(r.byte())
	case leb2Lane:
		r.leb()
		r.leb()
		r.byte()
	case labels:
		for n := r.u32(); n > 0 && !r.failed; n-- {
			r.leb()
		}
		r.leb()
	case types:
		for n := r.u32(); n > 0 && !r.failed; n-- {
			r.leb()
		}
	case unknown, prefixed:
		if in.op == prefixMisc || in.op == prefixVector {
			return in, fmt.Errorf("unknown instruction 0x%02x %d", in.op, in.sub)
		}
		return in, fmt.Errorf("unknown instruction 0x%02x", in.op)
	}
	if r.failed {
		return in, errCut
	}
	return in, nil
}
