package llama

import "math"

// back goes the way back from the gradient of the logits, and adds to grads what it means for the adapter.
func (p *pass) back(dlogits matrix, grads *Adapter) {
	dout := newMatrix(dlogits.Rows, p.m.Hidden)
	times(dout, dlogits, false, p.m.head, false, 1, false)
	dx := newMatrix(dout.Rows, dout.Cols)
	p.last.back(dx, dout, p.m.norm)
	for i := len(p.m.layers) - 1; i >= 0; i-- {
		p.layerBack(i, dx, grads)
	}
}

// applyBack adds to dx what the gradient of a projection's output means for its input, and to grads what it means for its adapter.
func (p *pass) applyBack(s *step, layer int, which Projection, dy, dx matrix, grads *Adapter) {
	times(dx, dy, false, p.m.layers[layer].weights[which], false, 1, true)
	lora := p.a.layers[layer][which]
	if !lora.there() {
		return
	}
	g := grads.layers[layer][which]
	times(g.b, dy, true, s.narrow[which], false, p.a.factor(), true)
	narrow := newMatrix(dy.Rows, p.a.Rank)
	times(narrow, dy, false, lora.b, false, p.a.factor(), false)
	times(g.a, narrow, true, s.in[which], false, 1, true)
	times(dx, narrow, false, lora.a, false, 1, true)
}

// layerBack turns the gradient of a layer's output, dx, into that of its input.
func (p *pass) layerBack(i int, dx matrix, grads *Adapter) {
	m, l, s := p.m, &p.m.layers[i], &p.at[i]
	dh := newMatrix(dx.Rows, m.Forward)
	p.applyBack(s, i, Down, dx, dh, grads)
	dgate, dup := newMatrix(dx.Rows, m.Forward), newMatrix(dx.Rows, m.Forward)
	for j, d := range dh.Data {
		g := s.gate.Data[j]
		on := sigmoid(g)
		dup.Data[j] = d * g * on
		dgate.Data[j] = d * s.up.Data[j] * on * (1 + g*(1-on))
	}
	dn := newMatrix(dx.Rows, m.Hidden)
	p.applyBack(s, i, Gate, dgate, dn, grads)
	p.applyBack(s, i, Up, dup, dn, grads)
	s.forward.back(dx, dn, l.forward)

	datt := newMatrix(dx.Rows, m.Heads*m.HeadDim)
	p.applyBack(s, i, Output, dx, datt, grads)
	dq, dk, dv := p.attendBack(s, datt)
	turned := p.turns.backwards()
	m.rotate(dq, m.Heads, turned)
	m.rotate(dk, m.KVHeads, turned)
	clear(dn.Data)
	p.applyBack(s, i, Query, dq, dn, grads)
	p.applyBack(s, i, Key, dk, dn, grads)
	p.applyBack(s, i, Value, dv, dn, grads)
	s.attention.back(dx, dn, l.attention)
}

func (p *pass) attendBack(s *step, dout matrix) (dq, dk, dv matrix) {
	m, n := p.m, s.q.Rows
	dq, dk, dv = newMatrix(n, s.q.Cols), newMatrix(n, s.k.Cols), newMatrix(n, s.v.Cols)
	share, factor := m.Heads/m.KVHeads, float32(1/math.Sqrt(float64(m.HeadDim)))
	dw := newMatrix(n, n)
	for h := range m.Heads {
		w, d := s.weights[h], part(dout, h, m.HeadDim)
		times(part(dv, h/share, m.HeadDim), w, true, d, false, 1, true)
		times(dw, d, false, part(s.v, h/share, m.HeadDim), true, 1, false)
		for i := range n { // through the shares: those outside the triangle are zero, and stay
			var dot float32
			r, g := row(w, i), row(dw, i)
			for j, v := range r {
				dot += v * g[j]
			}
			for j, v := range r {
				g[j] = v * (g[j] - dot)
			}
		}
		times(part(dq, h, m.HeadDim), dw, false, part(s.k, h/share, m.HeadDim), false, factor, false)
		times(part(dk, h/share, m.HeadDim), dw, true, part(s.q, h, m.HeadDim), false, factor, true)
	}
	return dq, dk, dv
}
