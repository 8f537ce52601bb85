package meter

import (
	"errors"
	"slices"
)

// A point is where fuel is taken: before the instruction at the offset at. It takes what the longest way from it to
// the next points costs. At a check, more is asked for when it is used up.
type point struct {
	at     int
	check  bool
	charge uint64
}

const (
	// long is the cost of a way after which a point is set as soon as ways part or meet: fuel is not taken for what is
	// not run, such as the rest of a function that is left early.
	long = 500
	// most is how many points one place may be reached from.
	most = 8
	// slight is the cost of a function's beginning that the loop behind it can take each time.
	slight = 16
)

// A flow is the points from which a place is reached without another between, and what the longest such ways cost.
// An empty one is a place that nothing reaches.
type flow []reach

type reach struct {
	point int
	cost  uint64
}

// join adds the ways of another flow.
func (f flow) join(other flow) flow {
next:
	for _, r := range other {
		for i := range f {
			if f[i].point == r.point {
				f[i].cost = max(f[i].cost, r.cost)
				continue next
			}
		}
		f = append(f, r)
	}
	return f
}

// A frame is an open block.
type frame struct {
	op    byte
	ends  flow // the ways to its end, but for the one that falls through
	other flow // of if: the way to else
}

// A walk goes through the code of one function.
type walk struct {
	points []point
	edits  []edit
	frames []frame
	now    flow
	// alone: nothing but the function itself takes fuel while it runs, and it ends by return or at its end.
	alone bool
}

func (w *walk) open(op byte) *frame {
	n := len(w.frames)
	w.frames = slices.Grow(w.frames, 1)[:n+1] // with the memory of an earlier one
	f := &w.frames[n]
	f.op, f.ends, f.other = op, f.ends[:0], f.other[:0]
	return f
}

// branch is a way out of as many blocks.
func (w *walk) branch(depth uint32) {
	if depth >= uint32(len(w.frames)) { // out of the function
		w.alone = false
		return
	}
	if f := &w.frames[len(w.frames)-1-int(depth)]; f.op != opLoop {
		f.ends = f.ends.join(w.now)
	}
}

// spend lengthens all ways.
func (w *walk) spend(cost uint64) {
	for i := range w.now {
		r := &w.now[i]
		r.cost += cost
		if p := &w.points[r.point]; p.charge < r.cost {
			p.charge = r.cost
		}
	}
}

// set sets a point.
func (w *walk) set(at int, check bool) {
	w.points = append(w.points, point{at: at, check: check})
	w.now = append(w.now[:0], reach{point: len(w.points) - 1})
}

// part sets a point where ways part or meet, if it is worth it.
func (w *walk) part(at int) {
	for _, r := range w.now {
		if r.cost >= long || len(w.now) > most {
			w.set(at, false)
			return
		}
	}
}

// scanFlow finds out where the function takes fuel, and how much.
func (m *module) scanFlow(f *function) error {
	w := &m.walk
	w.points, w.edits, w.frames, w.alone = w.points[:0], w.edits[:0], w.frames[:0], true
	w.set(0, true)
	first := true // up to here nothing leads past the first loop
	for r := (reader{b: f.code}); ; {
		if !r.more() {
			return errors.New("its body does not end")
		}
		in, err := r.next()
		if err == nil {
			err = m.within(f, in)
		}
		if err != nil {
			return err
		}
		w.spend(uint64(cost(in)))
		switch in.op {
		case opBlock:
			w.open(opBlock)
			continue
		case opIf:
			b := w.open(opIf)
			b.other = append(b.other, w.now...)
			w.part(r.at)
		case opElse:
			if len(w.frames) == 0 || w.frames[len(w.frames)-1].op != opIf {
				return errors.New("else without if")
			}
			b := &w.frames[len(w.frames)-1]
			b.ends = b.ends.join(w.now)
			b.op = opElse
			w.now = append(w.now[:0], b.other...)
			w.part(r.at)
		case opLoop:
			w.loop(r.at, first)
		case opEnd:
			if len(w.frames) == 0 {
				f.points, f.edits, f.alone = slices.Clone(w.points), slices.Clone(w.edits), w.alone
				if r.more() {
					return errors.New("its body goes on after its end")
				}
				return nil
			}
			w.end(r.at)
			continue
		case opBr:
			w.branch(in.index)
			w.now = w.now[:0]
		case opBrIf:
			w.branch(in.index)
			w.part(r.at)
		case opBrTable:
			w.table(f.code[in.at:r.at])
		case opUnreachable:
			w.now = w.now[:0]
		case opReturn:
			w.edits = append(w.edits, edit{in, r.at})
			w.now = w.now[:0]
		case opCall, opReturnCall:
			w.alone = false
			w.edits = append(w.edits, edit{in, r.at})
			w.spend(m.callee(in.index))
			if in.op == opReturnCall {
				w.now = w.now[:0]
			}
		case opReturnCallIndirect:
			w.alone = false
			w.now = w.now[:0]
		case opTableSet:
			m.changes(in.index)
		case prefixMisc:
			if in.sub >= miscMemoryInit && in.sub != miscTableSize {
				w.alone = false
				w.edits = append(w.edits, edit{in, r.at})
				f.scanMisc(m, in)
			}
			continue
		case opMemoryGrow, opRefFunc:
			w.alone = w.alone && in.op == opRefFunc
			w.edits = append(w.edits, edit{in, r.at})
			continue
		case opCallIndirect:
			w.alone = false
		default:
			continue
		}
		first = false
	}
}

// loop begins a loop. One that every way into the function leads to takes what the way there costs.
func (w *walk) loop(at int, first bool) {
	w.open(opLoop)
	if len(w.now) == 0 {
		return
	}
	if first && w.points[0].charge <= slight {
		w.points[0].at = at
		w.now = append(w.now[:0], reach{cost: w.points[0].charge})
		return
	}
	w.set(at, true)
}

func (w *walk) end(at int) {
	b := &w.frames[len(w.frames)-1]
	w.frames = w.frames[:len(w.frames)-1]
	if b.op == opLoop {
		return
	}
	met := len(b.ends) > 0 || b.op != opBlock
	if b.op == opIf {
		w.now = w.now.join(b.other)
	}
	w.now = w.now.join(b.ends)
	if met {
		w.part(at)
	}
}

// table is a br_table, as written.
func (w *walk) table(code []byte) {
	r := reader{b: code, at: 1}
	for n := r.u32(); ; n-- {
		w.branch(r.u32())
		if n == 0 {
			break
		}
	}
	w.now = w.now[:0]
}
