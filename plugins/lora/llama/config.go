// Package llama trains LoRA adapters of Llama-shaped language models on the CPU: the forward pass, the backward pass and the optimiser of the
// few operators that such a model is made of, in float32. Its gradients are held against finite differences by its tests.
//
// Shapes are written as rows x columns, row after row. A weight of a linear operator is out x in, as files keep it.
package llama

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Config is the shape of a model, as config.json says it.
type Config struct {
	Architectures []string `json:"architectures"`
	Hidden        int      `json:"hidden_size"`
	Layers        int      `json:"num_hidden_layers"`
	Heads         int      `json:"num_attention_heads"`
	KVHeads       int      `json:"num_key_value_heads"`
	HeadDim       int      `json:"head_dim"`
	Forward       int      `json:"intermediate_size"`
	Vocabulary    int      `json:"vocab_size"`
	Positions     int      `json:"max_position_embeddings"`
	Eps           float64  `json:"rms_norm_eps"`
	Theta         float64  `json:"rope_theta"`
	Tied          bool     `json:"tie_word_embeddings"`
	Bias          bool     `json:"attention_bias"`
	MLPBias       bool     `json:"mlp_bias"`
	Activation    string   `json:"hidden_act"`
	Window        *int     `json:"sliding_window"`
	Scaling       *scaling `json:"rope_scaling"`
}

// scaling is how Llama 3.1 and later stretch the rotary embedding.
type scaling struct {
	Kind      string  `json:"rope_type"`
	Type      string  `json:"type"`
	Factor    float64 `json:"factor"`
	Low       float64 `json:"low_freq_factor"`
	High      float64 `json:"high_freq_factor"`
	Positions float64 `json:"original_max_position_embeddings"`
}

// most is the largest number that any part of a shape may be: more is a mistake or an attack.
const most = 1 << 20

// ReadConfig reads a config.json. A model that is not shaped as this package knows is refused.
func ReadConfig(raw []byte) (Config, error) {
	c := Config{Eps: 1e-6, Theta: 10_000, Activation: "silu", Positions: 2048}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("config.json cannot be read: %w", err)
	}
	if c.KVHeads == 0 {
		c.KVHeads = c.Heads
	}
	for name, n := range map[string]int{"hidden_size": c.Hidden, "num_hidden_layers": c.Layers, "num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads,
		"intermediate_size": c.Forward, "vocab_size": c.Vocabulary, "max_position_embeddings": c.Positions} {
		if n <= 0 || n > most {
			return c, fmt.Errorf("config.json: %s is %d", name, n)
		}
	}
	if c.HeadDim == 0 {
		c.HeadDim = c.Hidden / c.Heads
	}
	switch {
	case !slices.ContainsFunc(c.Architectures, func(a string) bool { return a == "LlamaForCausalLM" || a == "MistralForCausalLM" }):
		return c, fmt.Errorf("the model is a %v, not a Llama or a Mistral", c.Architectures)
	case c.Bias || c.MLPBias:
		return c, fmt.Errorf("the model has biases in its projections")
	case c.Activation != "silu":
		return c, fmt.Errorf("the model's activation is %s, not silu", c.Activation)
	case c.Heads%c.KVHeads != 0 || c.HeadDim <= 0 || c.HeadDim > most || c.HeadDim%2 != 0:
		return c, fmt.Errorf("config.json: %d heads of %d numbers do not share %d of keys", c.Heads, c.HeadDim, c.KVHeads)
	case c.Scaling != nil && c.Scaling.kind() != "llama3" && c.Scaling.kind() != "default":
		return c, fmt.Errorf("the model stretches its positions by %s, not as Llama 3 does", c.Scaling.kind())
	case c.Eps <= 0 || c.Theta <= 0:
		return c, fmt.Errorf("config.json: rms_norm_eps %v and rope_theta %v have to be above 0", c.Eps, c.Theta)
	}
	return c, nil
}

func (s *scaling) kind() string {
	if s.Kind != "" {
		return s.Kind
	}
	return s.Type
}

// window is how far back a position sees; 0: to the beginning.
func (c Config) window() int {
	if c.Window == nil {
		return 0
	}
	return *c.Window
}

// Parameters counts the numbers of a model.
func (c Config) Parameters() int64 {
	d := int64(c.Hidden)
	n := int64(c.Vocabulary)*d + d
	if !c.Tied {
		n += int64(c.Vocabulary) * d
	}
	for p := range Projections {
		out, in := c.Shape(p)
		n += int64(c.Layers) * int64(out) * int64(in)
	}
	return n + int64(c.Layers)*2*d
}

// Projection is one of the linear operators of a layer.
type Projection int

// The projections, in the order of a layer.
const (
	Query Projection = iota
	Key
	Value
	Output
	Gate
	Up
	Down
	Projections // how many there are
)

var projectionNames = [Projections]string{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}

// String is the projection's name in a file: self_attn.q_proj.
func (p Projection) String() string { return projectionNames[p] }

// Shape gives the rows and columns of a projection's weight.
func (c Config) Shape(p Projection) (out, in int) {
	switch p {
	case Query:
		return c.Heads * c.HeadDim, c.Hidden
	case Key, Value:
		return c.KVHeads * c.HeadDim, c.Hidden
	case Output:
		return c.Hidden, c.Heads * c.HeadDim
	case Gate, Up:
		return c.Forward, c.Hidden
	default:
		return c.Hidden, c.Forward
	}
}

// frequencies gives by how much each pair of a head turns from one position to the next, in radians.
func (c Config) frequencies() []float64 {
	out := make([]float64, c.HeadDim/2)
	for i := range out {
		f := math.Pow(c.Theta, -2*float64(i)/float64(c.HeadDim))
		if s := c.Scaling; s != nil && s.kind() == "llama3" {
			f = s.stretch(f)
		}
		out[i] = f
	}
	return out
}

// stretch slows what turns slowly by a factor, leaves what turns fast, and goes smoothly from one to the other.
func (s *scaling) stretch(f float64) float64 {
	length := 2 * math.Pi / f
	switch smooth := (s.Positions/length - s.Low) / (s.High - s.Low); {
	case length < s.Positions/s.High:
		return f
	case length > s.Positions/s.Low:
		return f / s.Factor
	default:
		return (1-smooth)*f/s.Factor + smooth*f
	}
}
