// Package client is the Go client of the host's REST API, and the home of its JSON shapes: the host writes them,
// the command line and other programs read them. It imports the standard library and sdk, nothing else.
//
// Times are UTC. A run is named by its id, a unique prefix of it, or "last". Errors that the host explains are
// *Problem.
package client
