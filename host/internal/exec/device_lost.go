package exec

import "github.com/myspinbot/spinbot/sdk"

// DeviceLostError says that a task ended because a device under it went away. Its cause is sdk.CauseLost: whether the
// task took effect is unknown, it is to be tried elsewhere, and the node is not to blame. Whoever grants devices
// takes these for ill until they are measured anew.
type DeviceLostError struct {
	Devices []string // UUIDs that the task held; the messages of drivers seldom say which of them it was
	Err     *sdk.Error
}

// Error gives what Err says.
func (e *DeviceLostError) Error() string { return e.Err.Error() }

// Unwrap gives the task's failure.
func (e *DeviceLostError) Unwrap() error { return e.Err }
