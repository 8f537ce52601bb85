package meter

import (
	"fmt"
	"slices"
)

// The value types that the meter's own code uses.
const (
	i32 = 0x7f
	i64 = 0x7e
)

// A layout says where in the module's index spaces the meter's own things are.
type layout struct {
	// types
	refillType, copyType, growType, stateType uint32
	// functions
	refill, copy, fill, grow, save, restore uint32
	// globals
	fuel, spoiled, shadows uint32
	// tables
	shadowTables uint32
}

func (m *module) layout() layout {
	types, own := uint32(len(m.params)), m.imported+1+uint32(len(m.functions))
	return layout{
		refillType: types, copyType: types + 1, growType: types + 2, stateType: types + 3,
		refill: m.imported, save: own, restore: own + 1, copy: own + 2, fill: own + 3, grow: own + 4,
		fuel: uint32(len(m.globals)), spoiled: uint32(len(m.globals)) + 1, shadows: uint32(len(m.globals)) + 2,
		shadowTables: uint32(len(m.tables)),
	}
}

// write gives the module with its meter.
func (m *module) write() ([]byte, error) {
	l := m.layout()
	size := 8
	for _, s := range m.sections {
		size += len(s.body) + 8
	}
	out := append(make([]byte, 0, size+size/4), "\x00asm\x01\x00\x00\x00"...)
	write := func(id byte, body []byte) { out = appendSized(append(out, id), body) }
	next := secType
	// missing writes the sections that the module has not and the meter needs, up to the one with the given place.
	missing := func(place int) error {
		for ; next < place; next++ {
			if body, err := m.section(l, next, nil); err != nil {
				return err
			} else if body != nil {
				write(byte(next), body)
			}
		}
		next = max(next, place+1)
		return nil
	}
	for _, s := range m.sections {
		body := s.body
		switch s.id {
		case secCustom:
			if r := (reader{b: body}); r.name() == "name" && !r.failed {
				body = m.names(body)
			}
		case secDataCount: // after the element section
			if err := missing(secElement); err != nil {
				return nil, err
			}
		default:
			if err := missing(int(s.id)); err != nil {
				return nil, err
			}
			var err error
			if body, err = m.section(l, int(s.id), body); err != nil {
				return nil, fmt.Errorf("meter: section %d: %w", s.id, err)
			}
		}
		write(s.id, body)
	}
	return out, missing(secData + 1)
}

// section gives what becomes of a section; nil stands for one that the module has not.
func (m *module) section(l layout, id int, body []byte) ([]byte, error) {
	switch id {
	case secType:
		return more(body,
			[]byte{0x60, 1, i64, 1, i64}, []byte{0x60, 3, i32, i32, i32, 0},
			[]byte{0x60, 1, i32, 1, i32}, []byte{0x60, 0, 1, i32}), nil
	case secImport:
		refill := appendName(appendName(nil, Host), Refill)
		return more(body, appendU32(append(refill, 0), l.refillType)), nil
	case secFunction:
		types := [][]byte{appendU32(nil, l.stateType), appendU32(nil, l.stateType)}
		if m.hasMemory {
			types = append(types, appendU32(nil, l.copyType), appendU32(nil, l.copyType), appendU32(nil, l.growType))
		}
		return more(body, types...), nil
	case secTable:
		if shadows := m.shadowTables(); len(shadows) > 0 {
			return more(body, shadows...), nil
		}
		return body, nil
	case secGlobal:
		return m.globalSection(body)
	case secExport:
		return more(m.exports(body),
			appendU32(append(appendName(nil, Fuel), 3), l.fuel),
			appendU32(append(appendName(nil, Save), 0), l.save),
			appendU32(append(appendName(nil, Restore), 0), l.restore)), nil
	case secStart:
		if body == nil {
			return nil, nil
		}
		r := reader{b: body}
		start := r.u32()
		if start >= m.imported+uint32(len(m.functions)) {
			return nil, errBeyond
		}
		return append(appendU32(nil, m.shift(start)), body[r.at:]...), nil
	case secElement:
		if body == nil {
			return nil, nil
		}
		return m.elements(body)
	case secCode:
		return m.codeSection(l), nil
	case secData:
		if body == nil {
			return nil, nil
		}
		return m.dataSection(body), nil
	}
	return body, nil
}

// more adds entries to a section.
func more(body []byte, entries ...[]byte) []byte {
	r := reader{b: body}
	n := uint32(0)
	if body != nil {
		n = r.u32()
	}
	return slices.Concat(appendU32(nil, n+uint32(len(entries))), body[r.at:], slices.Concat(entries...))
}

// globalSection copies the globals and adds the fuel, the mark of an instance that cannot be restored, and a shadow
// for each global that can change.
func (m *module) globalSection(body []byte) ([]byte, error) {
	r := reader{b: body}
	if body != nil {
		r.u32()
	}
	own := m.globals[uint32(len(m.globals))-m.ownGlobal:]
	out := []byte(nil)
	for range own {
		out = append(out, r.byte(), r.byte())
		var err error
		if out, err = m.constant(out, &r); err != nil {
			return nil, err
		}
	}
	out = append(out, i64, 1, opI64Const, 0, opEnd, i32, 1, opI32Const, 0, opEnd)
	n := uint32(len(own)) + 2
	for _, g := range m.globals {
		if g.mutable {
			out = append(append(append(out, g.kind, 1), zero(g.kind)...), opEnd)
			n++
		}
	}
	return append(appendU32(nil, n), out...), nil
}

// zero is an instruction that gives the zero value of a type.
func zero(kind byte) []byte {
	switch kind {
	case i32:
		return []byte{opI32Const, 0}
	case i64:
		return []byte{opI64Const, 0}
	case 0x7d:
		return []byte{0x43, 0, 0, 0, 0}
	case 0x7c:
		return []byte{0x44, 0, 0, 0, 0, 0, 0, 0, 0}
	case 0x7b:
		return append([]byte{prefixVector, 12}, make([]byte, 16)...)
	}
	return []byte{opRefNull, kind}
}

// shadowTables are the tables in which those that the code can change are put aside.
func (m *module) shadowTables() (shadows [][]byte) {
	for _, t := range m.tables {
		if t.changed {
			shadows = append(shadows, appendU32(appendU32([]byte{t.kind, 1}, t.least), t.least))
		}
	}
	return shadows
}

func (m *module) codeSection(l layout) []byte {
	size := 64
	for i := range m.functions {
		size += len(m.functions[i].code) + 16
	}
	out := make([]byte, 0, size+size/4)
	own := m.own(l)
	out = appendU32(out, uint32(len(m.functions)+len(own)))
	var body []byte
	for i := range m.functions {
		body = m.functions[i].write(body[:0], m, l)
		out = appendSized(out, body)
	}
	for _, body := range own {
		out = appendSized(out, body)
	}
	return out
}

// write appends the function's body with its checks.
func (f *function) write(out []byte, m *module, l layout) []byte {
	w := writer{b: out, l: l}
	groups, metered := f.groups, len(f.points) > 0
	if metered {
		groups++
	}
	if f.bulk {
		groups++
	}
	w.b = append(appendU32(w.b, groups), f.locals...)
	if metered {
		w.temp, w.alone = f.count, f.alone
		w.b = append(w.b, 1, i64)
	}
	if f.bulk {
		w.length = f.count
		if metered {
			w.length++
		}
		w.b = append(w.b, 1, i32)
	}
	if w.alone {
		w.op(opGlobalGet, l.fuel)
		w.op(opLocalSet, w.temp)
	}
	from := 0 // what is not yet copied
	copyTo := func(at int) {
		w.b = append(w.b, f.code[from:at]...)
		from = at
	}
	points := f.points
	for _, e := range f.edits {
		for ; len(points) > 0 && points[0].at <= e.at; points = points[1:] {
			copyTo(points[0].at)
			w.take(points[0])
		}
		copyTo(e.at)
		switch e.op {
		case opMemoryGrow:
			w.op(opCall, l.grow)
		case opReturn:
			w.leave()
			w.raw(opReturn)
		case prefixMisc:
			w.misc(e.instruction, f.code[e.at:e.end])
		default:
			w.op(e.op, m.shift(e.index))
		}
		from = e.end
	}
	for _, p := range points {
		copyTo(p.at)
		w.take(p)
	}
	copyTo(len(f.code) - 1)
	w.leave()
	w.raw(opEnd)
	return w.b
}
