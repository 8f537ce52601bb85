//go:build !wasip1

package nodes

// forever blocks without burning a core.
func forever() { select {} }
