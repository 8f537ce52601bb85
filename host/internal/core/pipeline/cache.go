package pipeline

import "time"

// Cache says how a node's results are used again.
type Cache struct {
	// TTL is how old a result may be; 0: any age.
	TTL time.Duration
}
