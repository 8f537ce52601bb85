//go:build !linux

package machine

// Boot names the time since this machine was started; empty: nobody knows.
func Boot() string { return "" }
