package llama

import (
	"math"
	"runtime"
	"sync"
)

// Trainer trains an adapter step by step. It is not safe for use by several goroutines.
type Trainer struct {
	model   *Model
	adapter *Adapter
	workers []*Adapter // the gradients that each has found
	first   *Adapter   // the running mean of the gradients
	second  *Adapter   // and of their squares
	Steps   int        // taken so far
}

// Numbers of AdamW that nobody changes for a LoRA.
const (
	beta1, beta2, tiny = 0.9, 0.999, 1e-8
	longest            = 1.0 // norm of a step's gradient; a longer one is shortened
)

// NewTrainer begins with an adapter, which it changes.
func NewTrainer(m *Model, a *Adapter) *Trainer {
	t := &Trainer{model: m, adapter: a, first: a.like(), second: a.like()}
	for range runtime.GOMAXPROCS(0) {
		t.workers = append(t.workers, a.like())
	}
	return t
}

// Loss gives the mean loss of what a batch has to learn, in nats for each token, and leaves its gradient in the first worker. Texts are shared
// out among the cores in a fixed way, so that the same batch gives the same numbers on the same machine.
func (t *Trainer) Loss(batch []Example) float64 {
	total := 0
	for _, e := range batch {
		total += e.learned()
	}
	if total == 0 {
		t.workers[0].zero()
		return 0
	}
	sums := make([]float64, len(t.workers))
	var wg sync.WaitGroup
	for w := range t.workers {
		wg.Go(func() {
			t.workers[w].zero()
			for i := w; i < len(batch); i += len(t.workers) {
				p := &pass{m: t.model, a: t.adapter}
				sum, dlogits := p.loss(batch[i], 1/float32(total))
				sums[w] += sum
				p.back(dlogits, t.workers[w])
			}
		})
	}
	wg.Wait()
	var sum float64
	for w, s := range sums {
		sum += s
		if w > 0 {
			t.workers[0].add(t.workers[w])
		}
	}
	return sum / float64(total)
}

// Step learns a batch at a rate, and gives the loss that it had before.
func (t *Trainer) Step(batch []Example, rate, decay float64) float64 {
	loss := t.Loss(batch)
	t.Steps++
	params, grads, first, second := t.adapter.Tensors(), t.workers[0].Tensors(), t.first.Tensors(), t.second.Tensors()
	var norm float64
	for _, g := range grads {
		for _, v := range g.Data {
			norm += float64(v) * float64(v)
		}
	}
	shorten := 1.0
	if norm = math.Sqrt(norm); norm > longest {
		shorten = longest / norm
	}
	fix1, fix2 := 1-math.Pow(beta1, float64(t.Steps)), 1-math.Pow(beta2, float64(t.Steps))
	for i, p := range params {
		g, m, v := grads[i].Data, first[i].Data, second[i].Data
		for j := range p.Data {
			d := float64(g[j]) * shorten
			mean, square := beta1*float64(m[j])+(1-beta1)*d, beta2*float64(v[j])+(1-beta2)*d*d
			m[j], v[j] = float32(mean), float32(square)
			p.Data[j] -= float32(rate * (mean/fix1/(math.Sqrt(square/fix2)+tiny) + decay*float64(p.Data[j])))
		}
	}
	return loss
}

// Moments are the optimiser's memory, under the names of the adapter's matrices with "first." and "second." before them: what a checkpoint
// keeps beside the adapter.
func (t *Trainer) Moments() []Tensor {
	var out []Tensor
	for prefix, a := range map[string]*Adapter{"first.": t.first, "second.": t.second} {
		for _, x := range a.Tensors() {
			x.Name = prefix + x.Name
			out = append(out, x)
		}
	}
	return out
}

// Continue gives the tokens that most likely follow others, up to a number of them or until one that ends a text.
func (t *Trainer) Continue(tokens []int, most, end int) []int {
	all := append([]int(nil), tokens...)
	for range most {
		p := &pass{m: t.model, a: t.adapter}
		logits := p.logits(all)
		best := 0
		last := row(logits, logits.Rows-1)
		for i, v := range last {
			if v > last[best] {
				best = i
			}
		}
		if best == end {
			break
		}
		all = append(all, best)
	}
	return all[len(tokens):]
}
