// Package run is the words of a run: its events and how they are stored, paths and addresses in it, the states of nodes and runs,
// what a pipeline is as far as a run cares. Table says which changes of state are legal. What the events come to is in
// progress, why something stands where it stands in explain. All of them are pure: no I/O, no clock, no goroutine.
package run
