package meter

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// The sections of a module.
const (
	secCustom    = 0
	secType      = 1
	secImport    = 2
	secFunction  = 3
	secTable     = 4
	secMemory    = 5
	secGlobal    = 6
	secExport    = 7
	secStart     = 8
	secElement   = 9
	secCode      = 10
	secData      = 11
	secDataCount = 12
)

// order is where a section stands among the others.
var order = [...]int{
	secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secGlobal: 6,
	secExport: 7, secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12,
}

type section struct {
	id   byte
	body []byte
}

// A global of the module, imported ones first.
type global struct {
	kind    byte
	mutable bool
}

// A table of the module, imported ones first.
type table struct {
	kind    byte
	least   uint32
	changed bool // by some instruction
}

// A module as it was read.
type module struct {
	sections []section // in order, custom ones where they stood

	params        []uint32 // of each function type
	funcTypes     []uint32 // of each function that the module defines
	imported      uint32   // functions
	tables        []table
	ownTables     uint32
	globals       []global
	ownGlobal     uint32
	hasMemory     bool
	importsMemory bool
	numbersData   bool // its code may name data segments

	functions []function
	walk      walk // one is enough
}

// parse reads what must be known, and checks that nothing else would be misread.
func parse(code []byte) (*module, error) {
	if !bytes.HasPrefix(code, []byte("\x00asm\x01\x00\x00\x00")) {
		return nil, errors.New("not a WebAssembly module of version 1")
	}
	m := &module{}
	last := 0
	for r := (reader{b: code, at: 8}); r.more(); {
		s := section{id: r.byte()}
		s.body = r.bytes(r.u32())
		if r.failed {
			return nil, errCut
		}
		if s.id != secCustom {
			if int(s.id) >= len(order) {
				return nil, fmt.Errorf("unknown section %d", s.id)
			}
			if order[s.id] <= last {
				return nil, fmt.Errorf("section %d stands where it must not", s.id)
			}
			last = order[s.id]
		}
		if err := m.read(s); err != nil {
			return nil, fmt.Errorf("section %d: %w", s.id, err)
		}
		m.sections = append(m.sections, s)
	}
	if len(m.functions) != len(m.funcTypes) {
		return nil, fmt.Errorf("%d functions have %d bodies", len(m.funcTypes), len(m.functions))
	}
	return m, nil
}

func (m *module) read(s section) error {
	r := reader{b: s.body}
	var err error
	switch s.id {
	case secType:
		err = m.readTypes(&r)
	case secImport:
		err = m.readImports(&r)
	case secFunction:
		for n := r.u32(); n > 0 && !r.failed; n-- {
			m.funcTypes = append(m.funcTypes, r.u32())
		}
	case secTable:
		m.ownTables = r.u32()
		for n := m.ownTables; n > 0 && !r.failed && err == nil; n-- {
			err = m.readTable(&r)
		}
	case secMemory:
		m.hasMemory = m.hasMemory || r.u32() > 0
		return nil
	case secGlobal:
		m.ownGlobal = r.u32()
		for n := m.ownGlobal; n > 0 && !r.failed && err == nil; n-- {
			if err = m.readGlobal(&r); err == nil {
				_, err = m.constant(nil, &r)
			}
		}
	case secDataCount:
		m.numbersData = true
		return nil
	case secExport:
		err = m.readExports(&r)
	case secCode:
		err = m.readBodies(&r)
	default:
		return nil
	}
	switch {
	case err != nil:
		return err
	case r.failed:
		return errCut
	case r.more():
		return errors.New("longer than its entries")
	}
	return nil
}

func (m *module) readTypes(r *reader) error {
	for n := r.u32(); n > 0 && !r.failed; n-- {
		if form := r.byte(); form != 0x60 && !r.failed {
			return fmt.Errorf("unknown type 0x%02x", form)
		}
		params := r.u32()
		r.skip(int(params))
		m.params = append(m.params, params)
		r.skip(int(r.u32()))
	}
	return nil
}

func (m *module) readImports(r *reader) error {
	for n := r.u32(); n > 0 && !r.failed; n-- {
		from := r.name()
		r.name()
		if from == Host {
			return fmt.Errorf("it imports from %s, which is the host's own", Host)
		}
		var err error
		switch kind := r.byte(); kind {
		case 0:
			r.u32()
			m.imported++
		case 1:
			err = m.readTable(r)
		case 2:
			m.hasMemory, m.importsMemory = true, true
			_, err = r.limits()
		case 3:
			err = m.readGlobal(r)
		default:
			err = fmt.Errorf("unknown kind of import %d", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *module) readTable(r *reader) error {
	t := table{kind: r.byte()}
	if t.kind != 0x70 && t.kind != 0x6f {
		return fmt.Errorf("unknown type of table 0x%02x", t.kind)
	}
	var err error
	t.least, err = r.limits()
	m.tables = append(m.tables, t)
	return err
}

func (r *reader) limits() (least uint32, err error) {
	flags := r.byte()
	if flags > 1 {
		return 0, fmt.Errorf("unknown limits 0x%02x", flags)
	}
	least = r.u32()
	if flags == 1 {
		r.u32()
	}
	return least, nil
}

func (m *module) readGlobal(r *reader) error {
	g := global{kind: r.byte()}
	switch g.kind {
	case 0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f:
	default:
		return fmt.Errorf("unknown type of global 0x%02x", g.kind)
	}
	g.mutable = r.byte() == 1
	m.globals = append(m.globals, g)
	return nil
}

func (m *module) readExports(r *reader) error {
	for n := r.u32(); n > 0 && !r.failed; n-- {
		if name := r.name(); name == Fuel || name == Save || name == Restore {
			return fmt.Errorf("it exports %s, which is the host's own", name)
		}
		most := uint32(1)
		switch r.byte() {
		case 0:
			most = m.imported + uint32(len(m.funcTypes))
		case 1:
			most = uint32(len(m.tables))
		case 3:
			most = uint32(len(m.globals))
		}
		if r.u32() >= most {
			return errBeyond
		}
	}
	return nil
}

// shift gives the new index of a function: Refill comes after the imported ones.
func (m *module) shift(f uint32) uint32 {
	if f >= m.imported {
		f++
	}
	return f
}

// exports copies the export section with its function indices shifted.
func (m *module) exports(body []byte) []byte {
	if body == nil {
		return nil
	}
	r := reader{b: body}
	n := r.u32()
	out := appendU32(nil, n)
	for ; n > 0; n-- {
		from := r.at
		r.name()
		kind := r.byte()
		out = append(out, body[from:r.at]...)
		index := r.u32()
		if kind == 0 {
			index = m.shift(index)
		}
		out = appendU32(out, index)
	}
	return out
}

// constant copies a constant expression.
func (m *module) constant(out []byte, r *reader) ([]byte, error) {
	for {
		in, err := r.next()
		switch {
		case err != nil:
			return out, err
		case in.op == opGlobalGet && in.index >= uint32(len(m.globals)),
			in.op == opRefFunc && in.index >= m.imported+uint32(len(m.funcTypes)):
			return out, errBeyond
		case in.op == opRefFunc:
			out = appendU32(append(out, opRefFunc), m.shift(in.index))
		default:
			out = append(out, r.b[in.at:r.at]...)
		}
		if in.op == opEnd {
			return out, nil
		}
	}
}

// elements copies the element section with its function indices shifted.
func (m *module) elements(body []byte) ([]byte, error) {
	r := reader{b: body}
	n := r.u32()
	out := appendU32(nil, n)
	for ; n > 0 && !r.failed; n-- {
		flags := r.u32()
		if flags > 7 {
			return nil, fmt.Errorf("unknown kind of element segment %d", flags)
		}
		out = appendU32(out, flags)
		if flags&1 == 0 { // active
			table := uint32(0)
			if flags&2 != 0 {
				table = r.u32()
				out = appendU32(out, table)
			}
			if table >= uint32(len(m.tables)) {
				return nil, errBeyond
			}
			var err error
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
		if flags&3 != 0 {
			out = append(out, r.byte()) // kind or type
		}
		count := r.u32()
		out = appendU32(out, count)
		for ; count > 0 && !r.failed; count-- {
			if flags&4 == 0 {
				f := r.u32()
				if f >= m.imported+uint32(len(m.funcTypes)) {
					return nil, errBeyond
				}
				out = appendU32(out, m.shift(f))
				continue
			}
			var err error
			if out, err = m.constant(out, &r); err != nil {
				return nil, err
			}
		}
	}
	if r.failed {
		return nil, errCut
	}
	return append(out, r.b[r.at:]...), nil
}

// names copies a name section with its function indices shifted; what cannot be read stays as it is.
func (m *module) names(body []byte) []byte {
	r := reader{b: body}
	r.name()
	out := slices.Clone(r.b[:r.at])
	for r.more() {
		id := r.byte()
		sub := r.sub(r.u32())
		content := sub.b
		if id >= 1 && id <= 3 { // of functions, their locals, their labels
			n := sub.u32()
			shifted := appendU32(nil, n)
			for ; n > 0 && !sub.failed; n-- {
				shifted = appendU32(shifted, m.shift(sub.u32()))
				from := sub.at
				sub.nameMap(int(id))
				shifted = append(shifted, sub.b[from:sub.at]...)
			}
			if sub.failed {
				return body
			}
			content = shifted
		}
		out = appendSized(append(out, id), content)
	}
	if r.failed {
		return body
	}
	return out
}

// nameMap skips what belongs to one function: a name, or a map of names.
func (r *reader) nameMap(subsection int) {
	if subsection == 1 {
		r.name()
		return
	}
	for n := r.u32(); n > 0 && !r.failed; n-- {
		r.u32()
		r.name()
	}
}
