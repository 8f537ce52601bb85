package protocol

import "fmt"

// Version of the messages. Each end understands its own, the one before and the one after; fields that it does not know it
// leaves alone.
const Version = 2

// Answers is the version from which on agents answer what they are asked.
const Answers = 2

// Understands says whether an end of this version and one of another can work together. One that does not tell is of version 1.
func Understands(v int) bool {
	v = max(v, 1)
	return Version-1 <= v && v <= Version+1
}

// IncompatibleError says that two ends are too far apart.
type IncompatibleError struct{ Host, Agent End }

// End is a host or an agent, as people have to know it.
type End struct {
	Name    string
	Version string // of its program
	Speaks  int    // of the messages
}

// Error names both versions, and what mends it.
func (e *IncompatibleError) Error() string {
	older, command := e.Agent, "spinbot agent"
	newer := e.Host
	if max(e.Host.Speaks, 1) < max(e.Agent.Speaks, 1) {
		older, newer, command = e.Host, e.Agent, "spinbot serve"
	}
	return fmt.Sprintf("agent %s is of spinbot %s (messages of version %d), host %s of spinbot %s (version %d), too far apart to work together: install spinbot %s on %s, and start %s there again",
		e.Agent.Name, e.Agent.Version, max(e.Agent.Speaks, 1), e.Host.Name, e.Host.Version, max(e.Host.Speaks, 1), newer.Version, older.Name, command)
}
