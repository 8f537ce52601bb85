package llama

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Model is a model's weights. They never change: only an Adapter is trained.
type Model struct {
	Config

	embed  matrix // vocabulary x hidden
	head   matrix // vocabulary x hidden
	norm   []float32
	layers []layer
	turn   []float64 // see frequencies
}

type layer struct {
	attention, forward []float32 // the norms before them
	weights            [Projections]matrix
}

// matrix is rows x cols numbers.
type matrix = blas32.General

func newMatrix(rows, cols int) matrix {
	return matrix{Rows: rows, Cols: cols, Stride: cols, Data: make([]float32, rows*cols)}
}

func row(m matrix, i int) []float32 { return m.Data[i*m.Stride : i*m.Stride+m.Cols] }

// Source gives the numbers of a tensor that has to have a shape: those of a model's files.
type Source interface {
	Floats(name string, shape ...int) ([]float32, error)
}

// Load makes a model of its files' tensors.
func Load(c Config, from Source) (*Model, error) {
	m := &Model{Config: c, turn: c.frequencies()}
	var failed error
	take := func(name string, shape ...int) []float32 {
		if failed != nil {
			return nil
		}
		data, err := from.Floats(name, shape...)
		failed = err
		return data
	}
	table := func(name string, rows, cols int) matrix {
		return matrix{Rows: rows, Cols: cols, Stride: cols, Data: take(name, rows, cols)}
	}
	m.embed = table("model.embed_tokens.weight", c.Vocabulary, c.Hidden)
	if m.head = m.embed; !c.Tied {
		m.head = table("lm_head.weight", c.Vocabulary, c.Hidden)
	}
	m.norm = take("model.norm.weight", c.Hidden)
	m.layers = make([]layer, c.Layers)
	for i := range m.layers {
		l, prefix := &m.layers[i], fmt.Sprintf("model.layers.%d.", i)
		l.attention = take(prefix+"input_layernorm.weight", c.Hidden)
		l.forward = take(prefix+"post_attention_layernorm.weight", c.Hidden)
		for p := range Projections {
			out, in := c.Shape(p)
			l.weights[p] = table(prefix+p.String()+".weight", out, in)
		}
	}
	return m, failed
}

// times adds factor * a * b to c, or puts it there; a and b may be taken transposed.
func times(c matrix, a matrix, turnA bool, b matrix, turnB bool, factor float32, add bool) {
	side := func(turned bool) blas.Transpose {
		if turned {
			return blas.Trans
		}
		return blas.NoTrans
	}
	keep := float32(0)
	if add {
		keep = 1
	}
	blas32.Gemm(side(turnA), side(turnB), factor, a, b, keep, c)
}

// normed is a norm's output and what its backward pass needs.
type normed struct {
	in, out matrix
	scale   []float32 // 1 / root of the mean of squares, by row
}

func (m *Model) rms(x matrix, weight []float32) normed {
	n := normed{in: x, out: newMatrix(x.Rows, x.Cols), scale: make([]float32, x.Rows)}
	for i := range x.Rows {
		in, out := row(x, i), row(n.out, i)
		var sum float64
		for _, v := range in {
			sum += float64(v) * float64(v)
		}
		s := float32(1 / math.Sqrt(sum/float64(x.Cols)+m.Eps))
		n.scale[i] = s
		for j, v := range in {
			out[j] = v * s * weight[j]
		}
	}
	return n
}

// back adds to dx what the gradient of the norm's output means for its input.
func (n normed) back(dx, dout matrix, weight []float32) {
	for i := range dx.Rows {
		in, d, g, s := row(n.in, i), row(dx, i), row(dout, i), n.scale[i]
		var dot float64
		for j, v := range in {
			dot += float64(g[j]) * float64(weight[j]) * float64(v)
		}
		k := float32(dot) * s * s * s / float32(dx.Cols)
		for j, v := range in {
			d[j] += g[j]*weight[j]*s - v*k
		}
	}
}

// rotate turns each head's pairs by their positions, or back.
func (m *Model) rotate(x matrix, heads int, by table) {
	half := m.HeadDim / 2
	for i := range x.Rows {
		cos, sin := by.cos[i*half:(i+1)*half], by.sin[i*half:(i+1)*half]
		for h := range heads {
			v := row(x, i)[h*m.HeadDim : (h+1)*m.HeadDim]
			for j := range half {
				a, b := v[j], v[j+half]
				v[j], v[j+half] = a*cos[j]-b*sin[j], b*cos[j]+a*sin[j]
			}
		}
	}
}

// table is the turns of each position.
type table struct{ cos, sin []float32 }

func (m *Model) turns(n int) table {
	half := m.HeadDim / 2
	t := table{make([]float32, n*half), make([]float32, n*half)}
	for i := range n {
		for j := range half {
			sin, cos := math.Sincos(float64(i) * m.turn[j])
			t.cos[i*half+j], t.sin[i*half+j] = float32(cos), float32(sin)
		}
	}
	return t
}

func (t table) backwards() table {
	sin := make([]float32, len(t.sin))
	for i, s := range t.sin {
		sin[i] = -s
	}
	return table{t.cos, sin}
}
