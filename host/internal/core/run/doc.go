// Package run is one run as a state machine. Fold applies an event to a State, Decide says which commands are
// due, Table says which changes of state are legal. It is pure: no I/O, no clock, no goroutine, no expression is
// evaluated here. A State has one owner and is changed in place; Decide visits only what the last events touched.
//
// The order of writes belongs to the engine: decide, append the intent, execute, append the result.
package run
