package freeport

import (
	"net"
	"strconv"
	"testing"
)

func TestAny(t *testing.T) {
	t.Parallel()
	held := map[string]bool{}
	for range 200 {
		port, err := Any()
		if n, _ := strconv.Atoi(port); err != nil || n < first || n >= end || held[port] {
			t.Fatalf("%q, held %t, %v", port, held[port], err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		held[port] = true
	}
}
