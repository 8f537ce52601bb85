package llama

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// random is a Source of random numbers.
type random struct{ *rand.Rand }

func (r random) Floats(_ string, shape ...int) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	out := make([]float32, n)
	for i := range out {
		if out[i] = float32(r.NormFloat64() * 0.08); len(shape) == 1 {
			out[i] = float32(1 + r.NormFloat64()*0.1)
		}
	}
	return out, nil
}

// the tiny Llama: 108,000 numbers.
const tinyConfig = `{"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
	"intermediate_size": 128, "vocab_size": 262, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "rope_theta": 10000.0%s}`

var all = []Projection{Query, Key, Value, Output, Gate, Up, Down}

func small(t testing.TB, more string) *Model {
	c, err := ReadConfig(fmt.Appendf(nil, tinyConfig, more))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(c, random{rand.New(rand.NewPCG(1, 2))})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// say is a text as bytes, all of which is learned.
func say(text string) Example {
	e := Example{Learn: make([]bool, len(text))}
	for i, b := range []byte(text) {
		e.Tokens = append(e.Tokens, int(b))
		e.Learn[i] = i > 0
	}
	return e
}

// TestGradients: the gradient of each matrix is that of finite differences, along a direction of its own, within a thousandth.
func TestGradients(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"plain":     "",
		"tied":      `, "tie_word_embeddings": true`,
		"stretched": `, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16}`,
		"window":    `, "sliding_window": 5`,
		"wide head": `, "head_dim": 24`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := small(t, more)
			r := rand.New(rand.NewPCG(3, 4))
			a := NewAdapter(m.Config, 4, 8, all, 1)
			for _, x := range a.Tensors() { // B too, or half of the gradients are zero
				for i := range x.Data {
					x.Data[i] += float32(r.NormFloat64() * 0.1)
				}
			}
			batch := []Example{say("hello world, this is"), say("a tiny lora")}
			batch[0].Learn[3] = false
			tr := NewTrainer(m, a)
			loss := tr.Loss(batch)
			if loss < 4 || loss > 8 {
				t.Fatalf("loss %v", loss)
			}
			grads := slices.Clone(tr.workers[0].Tensors())
			for i := range grads {
				grads[i].Data = slices.Clone(grads[i].Data)
			}
			for i, x := range a.Tensors() {
				direction := make([]float64, len(x.Data))
				var length, slope, size float64
				for j := range direction {
					direction[j] = r.NormFloat64()
					length += direction[j] * direction[j]
				}
				for j := range direction {
					direction[j] /= math.Sqrt(length)
					slope += direction[j] * float64(grads[i].Data[j])
					size += float64(grads[i].Data[j]) * float64(grads[i].Data[j])
				}
				const step = 2e-2
				at := func(by float64) float64 {
					was := slices.Clone(x.Data)
					for j := range x.Data {
						x.Data[j] += float32(by * direction[j])
					}
					defer copy(x.Data, was)
					return tr.Loss(batch)
				}
				// Of the fourth order, so that the step may be wide enough for float32.
				measured := (8*(at(step)-at(-step)) - (at(2*step) - at(-2*step))) / (12 * step)
				if math.Abs(measured-slope) > 1e-3*math.Sqrt(size) {
					t.Errorf("%s: slope %v, measured %v; the gradient is %v long", x.Name, slope, measured, math.Sqrt(size))
				}
			}
		})
	}
}

// TestLearns: a sentence is learned by heart, and the same again gives the same numbers.
func TestLearns(t *testing.T) {
	t.Parallel()
	m := small(t, "")
	tr := NewTrainer(m, NewAdapter(m.Config, 8, 16, all, 1))
	const text = "hello world, this is a tiny lora"
	e := say(text)
	batch := []Example{e, e, e, e}
	first := tr.Step(batch, 0.01, 0)
	for range 80 {
		tr.Step(batch, 0.01, 0)
	}
	// What the random head lets at most be foretold is about 1.1 nats.
	if last := tr.Loss(batch); first < 5 || last > 1.3 {
		t.Errorf("loss %v, then %v", first, last)
	}
	if got := tr.Continue(e.Tokens[:2], len(text)-2, -1); !slices.Equal(got, e.Tokens[2:]) {
		t.Errorf("it goes on with %v", got)
	}
	again := NewTrainer(m, NewAdapter(m.Config, 8, 16, all, 1))
	if got := again.Step(batch, 0.01, 0); got != first {
		t.Errorf("the same again: %v, not %v", got, first)
	}
}

// TestConfigRefused: models of another shape say what is not as it should be.
func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for more, want := range map[string]string{
		`, "architectures": ["GPT2LMHeadModel"]`: "GPT2LMHeadModel",
		`, "attention_bias": true`:               "biases",
		`, "hidden_act": "gelu"`:                 "gelu",
		`, "num_key_value_heads": 3`:             "do not share",
		`, "rope_scaling": {"type": "yarn"}`:     "yarn",
		`, "hidden_size": -1`:                    "hidden_size is -1",
		`, "num_hidden_layers": 99999999`:        "num_hidden_layers",
		`, "rms_norm_eps": 0`:                    "above 0",
		`, "hidden_size": "x"`:                   "cannot be read",
	} {
		if _, err := ReadConfig(fmt.Appendf(nil, tinyConfig, more)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", more, err, want)
		}
	}
	if got := small(t, "").Parameters(); got != 33536+2*(64*64*2+2*32*64+3*64*128+128)+64 {
		t.Errorf("%d parameters", got)
	}
}

// BenchmarkStep is a step of the tiny Llama: 4 texts of 32 tokens, all projections, rank 8.
func BenchmarkStep(b *testing.B) {
	m := small(b, "")
	tr := NewTrainer(m, NewAdapter(m.Config, 8, 16, all, 1))
	e := say("hello world, this is a tiny lora")
	for b.Loop() {
		tr.Step([]Example{e, e, e, e}, 0.01, 0)
	}
}
