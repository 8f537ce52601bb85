package remote

import "context"

// Hasten makes retries wait for nothing but the context, and tells each.
func (s *Store) Hasten(told func(attempt int)) {
	s.wait = func(ctx context.Context, attempt int) error {
		if told != nil {
			told(attempt)
		}
		return context.Cause(ctx)
	}
}
