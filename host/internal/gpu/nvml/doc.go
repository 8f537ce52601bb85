// Package nvml reads NVIDIA devices through the driver's library, and is the only place that knows it. A missing symbol
// or a driver that hangs takes the whole process down, so that it is used in a process of its own: spinbot probe. What
// a driver does not tell stays nil. Built without cgo, or elsewhere than on Linux, it finds nothing and says so.
package nvml
