package llama

import "math"

// Example is one text to learn: its tokens, and which of them are to be foretold from those before. The first never is.
type Example struct {
	Tokens []int
	Learn  []bool
}

// learned counts the tokens that are foretold.
func (e Example) learned() int {
	n := 0
	for i, is := range e.Learn {
		if is && i > 0 {
			n++
		}
	}
	return n
}

// pass is one text's way through the model, and what the way back needs.
type pass struct {
	m     *Model
	a     *Adapter
	turns table
	at    []step
	last  normed
}

// step is the way through one layer.
type step struct {
	attention, forward normed
	in                 [Projections]matrix // what each projection got
	narrow             [Projections]matrix // the same through its A: positions x rank
	q, k, v            matrix
	weights            []matrix // how much each position minds each other, by head
	gate, up           matrix
}

// apply gives what a projection makes of x, with what the adapter adds.
func (p *pass) apply(s *step, layer int, which Projection, x matrix) matrix {
	w := p.m.layers[layer].weights[which]
	y := newMatrix(x.Rows, w.Rows)
	times(y, x, false, w, true, 1, false)
	s.in[which] = x
	if lora := p.a.layers[layer][which]; lora.there() {
		s.narrow[which] = newMatrix(x.Rows, p.a.Rank)
		times(s.narrow[which], x, false, lora.a, true, 1, false)
		times(y, s.narrow[which], false, lora.b, true, p.a.factor(), true)
	}
	return y
}

// loss goes through the model and gives the sum of the losses of what is to be learned, in nats, and its gradient at each position's
// logits times factor.
func (p *pass) loss(e Example, factor float32) (sum float64, dlogits matrix) {
	logits := p.logits(e.Tokens)
	for i := range logits.Rows {
		out := row(logits, i)
		if i+1 == logits.Rows || !e.Learn[i+1] {
			clear(out)
			continue
		}
		want := e.Tokens[i+1]
		high := out[0]
		var total float64
		for _, v := range out {
			high = max(high, v)
		}
		for _, v := range out {
			total += math.Exp(float64(v - high))
		}
		sum += math.Log(total) - float64(out[want]-high)
		for j, v := range out {
			out[j] = factor * float32(math.Exp(float64(v-high))/total)
		}
		out[want] -= factor
	}
	return sum, logits
}

// logits goes through the model.
func (p *pass) logits(tokens []int) matrix {
	x := newMatrix(len(tokens), p.m.Hidden)
	for i, t := range tokens {
		copy(row(x, i), row(p.m.embed, t))
	}
	p.turns = p.m.turns(len(tokens))
	p.at = make([]step, len(p.m.layers))
	for i := range p.m.layers {
		x = p.layer(i, x)
	}
	p.last = p.m.rms(x, p.m.norm)
	out := newMatrix(len(tokens), p.m.Vocabulary)
	times(out, p.last.out, false, p.m.head, true, 1, false)
	return out
}

func (p *pass) layer(i int, x matrix) matrix {
	l, s := &p.m.layers[i], &p.at[i]
	s.attention = p.m.rms(x, l.attention)
	s.q, s.k, s.v = p.apply(s, i, Query, s.attention.out), p.apply(s, i, Key, s.attention.out), p.apply(s, i, Value, s.attention.out)
	p.m.rotate(s.q, p.m.Heads, p.turns)
	p.m.rotate(s.k, p.m.KVHeads, p.turns)
	y := p.apply(s, i, Output, p.attend(s))
	add(y, x)
	s.forward = p.m.rms(y, l.forward)
	s.gate, s.up = p.apply(s, i, Gate, s.forward.out), p.apply(s, i, Up, s.forward.out)
	h := newMatrix(y.Rows, p.m.Forward)
	for j, g := range s.gate.Data {
		h.Data[j] = g * sigmoid(g) * s.up.Data[j]
	}
	z := p.apply(s, i, Down, h)
	add(z, y)
	return z
}

// part is the columns of one head.
func part(m matrix, head, width int) matrix {
	return matrix{Rows: m.Rows, Cols: width, Stride: m.Stride, Data: m.Data[head*width:]}
}

// attend mixes the values of earlier positions by how much each position minds them.
func (p *pass) attend(s *step) matrix {
	m, n := p.m, s.q.Rows
	out := newMatrix(n, m.Heads*m.HeadDim)
	s.weights = make([]matrix, m.Heads)
	share := m.Heads / m.KVHeads
	for h := range m.Heads {
		w := newMatrix(n, n)
		times(w, part(s.q, h, m.HeadDim), false, part(s.k, h/share, m.HeadDim), true, float32(1/math.Sqrt(float64(m.HeadDim))), false)
		for i := range n {
			from := 0
			if back := m.window(); back > 0 {
				from = max(0, i+1-back)
			}
			r := row(w, i)
			soft(r[from : i+1])
			clear(r[:from])
			clear(r[i+1:])
		}
		s.weights[h] = w
		times(part(out, h, m.HeadDim), w, false, part(s.v, h/share, m.HeadDim), false, 1, false)
	}
	return out
}

// soft makes numbers into shares of one.
func soft(r []float32) {
	high := r[0]
	for _, v := range r {
		high = max(high, v)
	}
	var total float32
	for i, v := range r {
		r[i] = float32(math.Exp(float64(v - high)))
		total += r[i]
	}
	for i := range r {
		r[i] /= total
	}
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func add(to, from matrix) {
	for i, v := range from.Data {
		to.Data[i] += v
	}
}
