package meter

import (
	"errors"
	"fmt"
)

// The cost model.
const (
	costCall     = 4
	costIndirect = 8 + mostUnmetered
	costImport   = 200
	costGrow     = 50
	costPage     = 2048 // log2: pageShift
	costTable    = 1000
	costBulk     = 4

	pageShift = 11
	byteShift = 5 // a unit for 32 bytes

	// mostUnmetered is what a function may cost whose callers pay for it.
	mostUnmetered = 32
)

// A function that the module defines.
type function struct {
	locals []byte // as written, without their count
	groups uint32 // of locals
	count  uint32 // parameters and locals
	code   []byte // the instructions

	unmetered bool
	total     uint32  // what it costs, when unmetered
	points    []point // where fuel is taken otherwise, in the order in which they stand
	edits     []edit  // instructions that are written otherwise, in the order in which they stand
	bulk      bool    // needs the locals of bulk instructions
	alone     bool    // its fuel is in a local while it runs
}

// An edit is an instruction that is written otherwise, and where the next one begins.
type edit struct {
	instruction
	end int
}

func (m *module) readBodies(r *reader) error {
	n := r.u32()
	if n != uint32(len(m.funcTypes)) {
		return fmt.Errorf("%d functions have %d bodies", len(m.funcTypes), n)
	}
	m.functions = make([]function, n)
	for i := range m.functions {
		f := &m.functions[i]
		b := r.sub(r.u32())
		t := m.funcTypes[i]
		if t >= uint32(len(m.params)) {
			return fmt.Errorf("function %d is of no type", i)
		}
		f.groups = b.u32()
		from, count := b.at, uint64(m.params[t])
		for g := f.groups; g > 0 && !b.failed; g-- {
			count += uint64(b.u32())
			b.byte()
		}
		if b.failed || count > 1<<31 {
			return errCut
		}
		f.locals, f.count, f.code = b.b[from:b.at], uint32(count), b.b[b.at:]
	}
	return nil
}

// scan finds out what everything costs.
func (m *module) scan() error {
	for i := range m.functions {
		if err := m.scanSmall(&m.functions[i]); err != nil {
			return m.inFunction(i, err)
		}
	}
	for i := range m.functions {
		if f := &m.functions[i]; !f.unmetered {
			if err := m.scanFlow(f); err != nil {
				return m.inFunction(i, err)
			}
		}
	}
	return nil
}

func (m *module) inFunction(i int, err error) error {
	return fmt.Errorf("function %d: %w", uint32(i)+m.imported, err)
}

// scanSmall finds out whether the callers of the function pay for it.
func (m *module) scanSmall(f *function) error {
	r := reader{b: f.code}
	for r.more() {
		in, err := r.next()
		if err == nil {
			err = m.within(f, in)
		}
		if err != nil {
			return err
		}
		if in.op == opRefFunc {
			f.edits = append(f.edits, edit{in, r.at})
		}
		f.total += cost(in)
		switch in.op {
		case opLoop, opCall, opCallIndirect, opReturnCall, opReturnCallIndirect, opMemoryGrow, opTableSet:
			return nil
		case prefixMisc:
			if in.sub >= miscMemoryInit && in.sub != miscTableSize {
				return nil
			}
		}
		if f.total > mostUnmetered {
			return nil
		}
	}
	f.unmetered = true
	return nil
}

// cost is that of the instruction alone; of calls that of the callee is not known here.
func cost(in instruction) uint32 {
	switch {
	case in.op <= opLoop && in.op != 0, in.op == opElse, in.op == opEnd:
		return 0
	case in.op >= 0x6d && in.op <= 0x70, in.op >= 0x7f && in.op <= 0x82: // integer division and remainder
		return 8
	case in.op == 0x91, in.op == 0x95, in.op == 0x9f, in.op == 0xa3: // square root and division
		return 6
	case in.op == opCall, in.op == opReturnCall:
		return costCall
	case in.op == opCallIndirect, in.op == opReturnCallIndirect:
		return costIndirect
	case in.op == opMemoryGrow:
		return costGrow
	case in.op == prefixMisc && in.sub == miscTableGrow:
		return costTable
	case in.op == prefixMisc && in.sub >= miscMemoryInit && in.sub != miscTableSize:
		return costBulk
	}
	return 1
}

func (f *function) scanMisc(m *module, in instruction) {
	switch in.sub {
	case miscMemoryInit, miscMemoryCopy, miscMemoryFill:
		f.bulk = true
	case miscTableInit:
		f.bulk = true
		m.changes(in.index2)
	case miscTableCopy, miscTableFill:
		f.bulk = true
		m.changes(in.index)
	}
}

func (m *module) changes(t uint32) {
	if t < uint32(len(m.tables)) {
		m.tables[t].changed = true
	}
}

// callee is what a call of the function costs beyond the call.
func (m *module) callee(f uint32) uint64 {
	if f < m.imported {
		return costImport
	}
	if f -= m.imported; f < uint32(len(m.functions)) && m.functions[f].unmetered {
		return uint64(m.functions[f].total)
	}
	return 0
}

var errBeyond = errors.New("it names what the module has not")

// within refuses an instruction that names what is not the module's: after the rewrite it could be the meter's.
func (m *module) within(f *function, in instruction) error {
	ok := true
	switch in.op {
	case opLocalGet, opLocalSet, opLocalTee:
		ok = in.index < f.count
	case opGlobalGet, opGlobalSet:
		ok = in.index < uint32(len(m.globals))
	case opCall, opReturnCall, opRefFunc:
		ok = in.index < m.imported+uint32(len(m.functions))
	case opBlock, opLoop, opIf:
		ok = in.index == noType || in.index < uint32(len(m.params))
	case opCallIndirect, opReturnCallIndirect:
		ok = in.index < uint32(len(m.params)) && in.index2 < uint32(len(m.tables))
	case opTableGet, opTableSet:
		ok = in.index < uint32(len(m.tables))
	case opMemorySize, opMemoryGrow:
		ok = in.index == 0 && m.hasMemory
	case prefixMisc:
		switch in.sub {
		case miscTableInit:
			ok = in.index2 < uint32(len(m.tables))
		case miscTableCopy:
			ok = in.index < uint32(len(m.tables)) && in.index2 < uint32(len(m.tables))
		case miscTableGrow, miscTableSize, miscTableFill:
			ok = in.index < uint32(len(m.tables))
		case miscMemoryCopy, miscMemoryFill, miscMemoryInit:
			ok = m.hasMemory
		}
	}
	if !ok {
		return errBeyond
	}
	return nil
}
