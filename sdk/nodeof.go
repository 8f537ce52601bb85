package sdk

import "context"

// NodeOf makes a Node from a function over two structs; SchemaOf says how they are read. Inputs and Outputs of t are
// derived from In and Out unless t has them. A type that cannot be derived is a mistake in the program: it panics.
func NodeOf[In, Out any](t NodeType, run func(ctx context.Context, in In, t *Task) (Out, error)) Node {
	derive[In](t.Name, "inputs", &t.Inputs)
	derive[Out](t.Name, "outputs", &t.Outputs)
	return typedNode[In, Out]{t, run, recordOf[In](), recordOf[Out]()}
}

func derive[T any](name, side string, s *Schema) {
	if s.Type != "" {
		return
	}
	d, err := SchemaOf[T]()
	if err != nil {
		panic("sdk.NodeOf: " + name + ": " + side + ": " + err.Error())
	}
	*s = d
}

type typedNode[In, Out any] struct {
	nodeType NodeType
	run      func(context.Context, In, *Task) (Out, error)
	in, out  record // found once: looking for a type costs a small node in WASM as much as it does itself
}

func (n typedNode[In, Out]) Type() NodeType { return n.nodeType }

func (n typedNode[In, Out]) Run(ctx context.Context, t *Task) (Result, error) {
	var in In
	if err := bindTo(n.in, t.Inputs, &in); err != nil {
		return Result{}, err
	}
	out, err := n.run(ctx, in, t)
	if err != nil {
		return Result{}, err
	}
	v, err := valuesOf(n.out, out)
	return Result{Outputs: v}, err
}
