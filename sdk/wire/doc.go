// Package wire is the border between a host and a plugin process: the proto contract and its generated code, both
// ends of it (Client, NewServer), and what go-plugin needs to join them (Handshake, Versions).
//
// Values cross in the SDK's binary form. What a task did wrong crosses as data; an error of the connection is a
// *ConnError. Other packages see sdk types only: no generated type leaves wire.
package wire

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative spinbot.proto
