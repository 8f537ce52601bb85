// Package freeport finds ports for programs that must be told one before they begin, in tests. A port that the system gave out and
// took back is given to the next who asks it for any, of all tests that run at once, and that one answers for the program then. So
// these come from below what systems give out: Linux begins at 32768, others later.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const first, end = 20000, 32768

// Any gives the number of a port on loopback that nobody listens on.
func Any() (string, error) {
	var err error
	for range 100 {
		port := strconv.Itoa(first + rand.IntN(end-first))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", fmt.Errorf("no free port from %d to %d: %w", first, end-1, err)
}
