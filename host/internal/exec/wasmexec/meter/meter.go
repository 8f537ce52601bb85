// Package meter rewrites a WebAssembly module so that its host knows how much it computes, can stop it, and can bring
// an instance back to an earlier state. The module computes what it did before.
//
// # Fuel
//
// The module gets a mutable global of 64 bits, exported as Fuel, from which the code takes what it costs before it
// runs: at the entry of a function, at the head of a loop, and at some of the places where ways part or meet. Each
// time as much is taken as the longest way to the next such places costs, so fuel is never less than what the
// executed instructions cost, and depends on nothing but the module and its input. A function or loop that finds less
// than none calls the function Refill of the module Host with it and goes on with what that returns; a host that
// wants the guest to end panics instead. A fresh instance has no fuel and asks at once. A function that calls nothing
// keeps the fuel in a local while it runs, and gives back what is left: one that traps has not paid for its last round.
//
// # Cost, model 1
//
// An instruction costs 1 unit, but: nop, block, loop, else and end nothing; integer division and remainder 8; floating
// point division and square root 6; a call 4, an indirect one 8 and the most that an unmetered function costs, a call
// of an import 200; memory.grow 50 and 2048 for each page it added; table.grow 1000; the bulk instructions on memory
// 4 and 1 for each 32 bytes, those on tables 4 and 1 for each entry. Functions without loops, calls or bulk
// instructions that cost at most 32 are not metered: their callers pay. Bulk instructions on more than 256 KiB of
// memory are cut into pieces, each paid for before it begins.
//
// # State
//
// Save and Restore are exported functions that put every mutable global but the fuel, and every table that the code
// can change, aside and back. Restore returns 1, and the instance is to be thrown away, once the code has dropped a
// segment or grown a table. Memory is the host's to restore.
//
// # Data
//
// Data segments that lie close together become one.
//
// What it does not know it refuses: threads, exceptions, typed function references and the rest of WebAssembly 3.
// It checks no types: whoever compiles the result does.
package meter

import (
	"errors"
	"fmt"
)

// Model is the version of the cost model: the same module and input use the same fuel under it, for good.
const Model = 1

// Version is that of the rewritten form; TestVersion says when it has to change.
const Version = 2

// The names that a rewritten module uses. Host and Refill are imported: (i64 fuel) → (i64 fuel).
const (
	Host    = "spinbot:meter"
	Refill  = "refill"
	Fuel    = "spinbot:fuel"
	Save    = "spinbot:save"    // () → i32: 1 when the state cannot be saved
	Restore = "spinbot:restore" // () → i32: 1 when the state cannot be restored
)

var errCut = errors.New("cut off in the middle")

// Rewrite gives the module a meter. The result is new memory; an error says what is not understood.
func Rewrite(code []byte) ([]byte, error) {
	m, err := parse(code)
	if err == nil {
		err = m.scan()
	}
	if err != nil {
		return nil, fmt.Errorf("meter: %w", err)
	}
	return m.write()
}
