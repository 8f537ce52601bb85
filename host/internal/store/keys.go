package store

import (
	"context"
	"time"
)

// Keys remember which run a request made, so that the same request again makes no other. Every store offers them beside its journal.
type Keys interface {
	// Claim gives a key to c, unless it is another's at this time, and gives whose it is then. It is durable when it returns, and of
	// several that claim a key at once all are told of the same one. A claim without a Run only looks; the zero Claim is nobody's.
	Claim(ctx context.Context, key string, c Claim, now time.Time) (Claim, error)
}

// Claim is what a key stands for.
type Claim struct {
	Run   string    // which may not have been made yet
	Body  string    // tells the request that it is of from others
	Until time.Time // when the key is free again
}
