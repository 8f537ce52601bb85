package artifacts

import "context"

type waitingKey struct{}

// Waiting gives a context in which a Store that has to wait for an artifact tells why: each time that it tried in vain.
func Waiting(ctx context.Context, tell func(why error)) context.Context {
	return context.WithValue(ctx, waitingKey{}, tell)
}

// Waits tells whoever asked for it with Waiting; nobody need have.
func Waits(ctx context.Context, why error) {
	if tell, ok := ctx.Value(waitingKey{}).(func(error)); ok {
		tell(why)
	}
}
