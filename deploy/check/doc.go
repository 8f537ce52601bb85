// Package check has no code: its tests read compose.yaml and what lies in deploy, as the programs would that they are for. It is a
// module of its own, and in no workspace: its libraries are nobody else's.
package check
