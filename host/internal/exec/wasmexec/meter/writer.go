package meter

import "slices"

// piece is how many bytes a bulk instruction works on before the fuel is looked at.
const piece = 256 << 10

// A writer writes the meter's own instructions.
type writer struct {
	b []byte
	l layout
	// temp is a local of 64 bits, length one of 32.
	temp, length uint32
	// alone: temp is the fuel from the function's first instruction to its last.
	alone bool
}

func (w *writer) raw(b ...byte) { w.b = append(w.b, b...) }

func (w *writer) op(op byte, index uint32) { w.b = appendU32(append(w.b, op), index) }

func (w *writer) i32(v int32) { w.b = appendS64(append(w.b, opI32Const), int64(v)) }

func (w *writer) i64(v int64) { w.b = appendS64(append(w.b, opI64Const), v) }

// take takes fuel and, at a check, asks for more when it is used up.
func (w *writer) take(p point) {
	if p.charge == 0 && !p.check {
		return
	}
	if w.alone {
		w.op(opLocalGet, w.temp)
	} else {
		w.op(opGlobalGet, w.l.fuel)
	}
	w.i64(int64(p.charge))
	w.raw(opI64Sub)
	switch {
	case !p.check && w.alone:
		w.op(opLocalSet, w.temp)
		return
	case !p.check:
		w.op(opGlobalSet, w.l.fuel)
		return
	}
	w.op(opLocalTee, w.temp)
	if !w.alone {
		w.op(opGlobalSet, w.l.fuel)
		w.op(opLocalGet, w.temp)
	}
	w.i64(0)
	w.raw(opI64LtS, opIf, 0x40)
	w.op(opLocalGet, w.temp)
	w.op(opCall, w.l.refill)
	if w.alone {
		w.op(opLocalSet, w.temp)
	} else {
		w.op(opGlobalSet, w.l.fuel)
	}
	w.raw(opEnd)
}

// leave puts back what a function that took the fuel along has left.
func (w *writer) leave() {
	if w.alone {
		w.op(opLocalGet, w.temp)
		w.op(opGlobalSet, w.l.fuel)
	}
}

// charge takes a unit of fuel for each 2^shift of the length, without looking at what is left.
func (w *writer) charge(shift int64) {
	w.op(opGlobalGet, w.l.fuel)
	w.op(opLocalGet, w.length)
	w.raw(opI64ExtendI32U)
	if shift > 0 {
		w.i64(shift)
		w.raw(opI64ShrU)
	}
	w.raw(opI64Sub)
	w.op(opGlobalSet, w.l.fuel)
}

// spoil marks the instance as one that cannot be restored.
func (w *writer) spoil() {
	w.i32(1)
	w.op(opGlobalSet, w.l.spoiled)
}

// misc writes a bulk instruction or one that cannot be undone; code is how it was written.
func (w *writer) misc(in instruction, code []byte) {
	switch in.sub {
	case miscMemoryCopy, miscMemoryFill:
		helper := w.l.copy
		if in.sub == miscMemoryFill {
			helper = w.l.fill
		}
		w.op(opLocalTee, w.length)
		w.op(opLocalGet, w.length)
		w.i32(piece)
		w.raw(opI32GtU, opIf)
		w.b = appendS64(w.b, int64(w.l.copyType))
		w.op(opCall, helper)
		w.raw(opElse)
		w.charge(byteShift)
		w.raw(code...)
		w.raw(opEnd)
	case miscMemoryInit:
		w.op(opLocalTee, w.length)
		w.charge(byteShift)
		w.raw(code...)
	case miscTableInit, miscTableCopy, miscTableFill:
		w.op(opLocalTee, w.length)
		w.charge(0)
		w.raw(code...)
	case miscDataDrop, miscElemDrop, miscTableGrow:
		w.spoil()
		w.raw(code...)
	}
}

// own are the bodies of the meter's own functions, in the order of the layout.
func (m *module) own(l layout) [][]byte {
	own := [][]byte{m.save(l), m.restore(l)}
	if m.hasMemory {
		own = append(own, copyBody(l), fillBody(l), growBody(l))
	}
	return own
}

// save: () → i32.
func (m *module) save(l layout) []byte {
	w := writer{b: []byte{0}, l: l}
	w.i32(0)
	w.op(opGlobalSet, l.spoiled)
	m.eachShadow(l, func(g, shadow uint32) {
		w.op(opGlobalGet, g)
		w.op(opGlobalSet, shadow)
	}, func(t, shadow, size uint32) {
		w.i32(0)
		w.i32(0)
		w.i32(int32(size))
		w.raw(prefixMisc, miscTableCopy)
		w.b = appendU32(appendU32(w.b, shadow), t)
	})
	w.i32(0)
	for t, table := range m.tables { // one that has grown does not fit its shadow
		if table.changed {
			w.raw(prefixMisc, miscTableSize)
			w.b = appendU32(w.b, uint32(t))
			w.i32(int32(table.least))
			w.raw(opI32Ne, opI32Or)
		}
	}
	w.raw(opEnd)
	return w.b
}

// restore: () → i32.
func (m *module) restore(l layout) []byte {
	w := writer{b: []byte{0}, l: l}
	m.eachShadow(l, func(g, shadow uint32) {
		w.op(opGlobalGet, shadow)
		w.op(opGlobalSet, g)
	}, func(t, shadow, size uint32) {
		w.i32(0)
		w.i32(0)
		w.i32(int32(size))
		w.raw(prefixMisc, miscTableCopy)
		w.b = appendU32(appendU32(w.b, t), shadow)
	})
	w.op(opGlobalGet, l.spoiled)
	w.raw(opEnd)
	return w.b
}

func (m *module) eachShadow(l layout, global func(g, shadow uint32), table func(t, shadow, size uint32)) {
	shadow := l.shadows
	for g := range m.globals {
		if m.globals[g].mutable {
			global(uint32(g), shadow)
			shadow++
		}
	}
	shadow = l.shadowTables
	for t := range m.tables {
		if m.tables[t].changed {
			table(uint32(t), shadow, m.tables[t].least)
			shadow++
		}
	}
}

// The parameters and locals of copyBody and fillBody.
const (
	dst  = 0
	src  = 1 // what to fill with
	left = 2
	part = 3 // of what is left
	temp = 4
)

// pieces begins a function (dst, src, left) that goes on in pieces while something is left; one that would leave the
// memory is carried out whole, and traps. each works on a part.
func pieces(l layout, whole []byte, outside, each func(w *writer)) []byte {
	w := &writer{b: []byte{2, 1, i32, 1, i64}, l: l, temp: temp, length: part}
	outside(w)
	w.raw(opIf, 0x40)
	w.op(opLocalGet, dst)
	w.op(opLocalGet, src)
	w.op(opLocalGet, left)
	w.raw(whole...)
	w.raw(opReturn, opEnd, opLoop, 0x40)
	w.i32(piece)
	w.op(opLocalGet, left)
	w.i32(piece)
	w.op(opLocalGet, left)
	w.raw(0x49 /* i32.lt_u */, opSelect)
	w.op(opLocalSet, part)
	w.charge(byteShift)
	w.take(point{check: true, charge: costBulk})
	w.op(opLocalGet, left)
	w.op(opLocalGet, part)
	w.raw(opI32Sub)
	w.op(opLocalSet, left)
	each(w)
	w.op(opLocalGet, left)
	w.op(opBrIf, 0)
	w.raw(opEnd, opEnd)
	return w.b
}

// beyond: the address in the local and what is left end outside the memory.
func beyond(w *writer, address uint32) {
	w.op(opLocalGet, address)
	w.raw(opI64ExtendI32U)
	w.op(opLocalGet, left)
	w.raw(opI64ExtendI32U, opI64Add, opMemorySize, 0, opI64ExtendI32U)
	w.i64(16)
	w.raw(opI64Shl, opI64GtU)
}

func fillBody(l layout) []byte {
	fill := []byte{prefixMisc, miscMemoryFill, 0}
	return pieces(l, fill, func(w *writer) { beyond(w, dst) }, func(w *writer) {
		w.op(opLocalGet, dst)
		w.op(opLocalGet, src)
		w.op(opLocalGet, part)
		w.raw(fill...)
		advance(w, dst)
	})
}

func advance(w *writer, address uint32) {
	w.op(opLocalGet, address)
	w.op(opLocalGet, part)
	w.raw(opI32Add)
	w.op(opLocalSet, address)
}

// copyBody begins at the end where the regions overlap so that it has to.
func copyBody(l layout) []byte {
	move := []byte{prefixMisc, miscMemoryCopy, 0, 0}
	outside := func(w *writer) {
		beyond(w, dst)
		beyond(w, src)
		w.raw(opI32Or)
	}
	return pieces(l, move, outside, func(w *writer) {
		w.op(opLocalGet, dst)
		w.op(opLocalGet, src)
		w.raw(opI32LeU, opIf, 0x40)
		w.op(opLocalGet, dst)
		w.op(opLocalGet, src)
		w.op(opLocalGet, part)
		w.raw(move...)
		advance(w, dst)
		advance(w, src)
		w.raw(opElse)
		for _, address := range []uint32{dst, src} {
			w.op(opLocalGet, address)
			w.op(opLocalGet, left)
			w.raw(opI32Add)
		}
		w.op(opLocalGet, part)
		w.raw(slices.Concat(move, []byte{opEnd})...)
	})
}

// growBody: (pages) → pages before, or -1. It takes fuel for the pages that were added.
func growBody(l layout) []byte {
	const pages, before = 0, 1
	w := writer{b: []byte{1, 1, i32}, l: l}
	w.op(opLocalGet, pages)
	w.raw(opMemoryGrow, 0)
	w.op(opLocalTee, before)
	w.op(opGlobalGet, l.fuel)
	w.i64(0)
	w.op(opLocalGet, pages)
	w.raw(opI64ExtendI32U)
	w.i64(pageShift)
	w.raw(opI64Shl)
	w.op(opLocalGet, before)
	w.i32(-1)
	w.raw(opI32Eq, opSelect, opI64Sub)
	w.op(opGlobalSet, l.fuel)
	w.raw(opEnd)
	return w.b
}
