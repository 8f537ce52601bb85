package llama

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Adapter is a LoRA: for each projection that it changes two narrow matrices whose product is added to the weight.
type Adapter struct {
	Rank  int
	Alpha float64
	On    []Projection

	layers [][Projections]pair
}

// pair is A, rank x in, and B, out x rank; or nothing.
type pair struct{ a, b matrix }

func (p pair) there() bool { return p.a.Rows > 0 }

// factor is what the product of the two is multiplied by.
func (a *Adapter) factor() float32 { return float32(a.Alpha / float64(a.Rank)) }

// NewAdapter makes an adapter that changes nothing yet: A is random, B is zero.
func NewAdapter(c Config, rank int, alpha float64, on []Projection, seed uint64) *Adapter {
	out := &Adapter{Rank: rank, Alpha: alpha, On: on, layers: make([][Projections]pair, c.Layers)}
	r := rand.New(rand.NewPCG(seed, 0x10a))
	for i := range out.layers {
		for _, p := range on {
			rows, cols := c.Shape(p)
			at := &out.layers[i][p]
			at.a, at.b = newMatrix(rank, cols), newMatrix(rows, rank)
			bound := 1 / math.Sqrt(float64(cols)) // Kaiming's, as PEFT begins
			for j := range at.a.Data {
				at.a.Data[j] = float32((2*r.Float64() - 1) * bound)
			}
		}
	}
	return out
}

// like gives an adapter of the same shape whose numbers are zero: for gradients, for moments.
func (a *Adapter) like() *Adapter {
	out := &Adapter{Rank: a.Rank, Alpha: a.Alpha, On: a.On, layers: make([][Projections]pair, len(a.layers))}
	for i := range a.layers {
		for _, p := range a.On {
			out.layers[i][p] = pair{newMatrix(a.layers[i][p].a.Rows, a.layers[i][p].a.Cols), newMatrix(a.layers[i][p].b.Rows, a.layers[i][p].b.Cols)}
		}
	}
	return out
}

// Tensor is one of an adapter's matrices under PEFT's name.
type Tensor struct {
	Name       string
	Rows, Cols int
	Data       []float32
}

// Tensors gives the adapter's matrices, in order. They are the adapter's own numbers: whoever changes them changes it.
func (a *Adapter) Tensors() []Tensor {
	var out []Tensor
	for i := range a.layers {
		for _, p := range slices.Sorted(slices.Values(a.On)) {
			at := a.layers[i][p]
			name := fmt.Sprintf("base_model.model.model.layers.%d.%s.lora_", i, p)
			out = append(out, Tensor{name + "A.weight", at.a.Rows, at.a.Cols, at.a.Data}, Tensor{name + "B.weight", at.b.Rows, at.b.Cols, at.b.Data})
		}
	}
	return out
}

// add adds another of the same shape.
func (a *Adapter) add(other *Adapter) {
	to, from := a.Tensors(), other.Tensors()
	for i := range to {
		for j, v := range from[i].Data {
			to[i].Data[j] += v
		}
	}
}

func (a *Adapter) zero() {
	for _, t := range a.Tensors() {
		clear(t.Data)
	}
}
