package sdk

import "errors"

// Cause says why an attempt ended without a result. Only CauseFailed and CauseHung consume a node's retries;
// CauseLost has its own limit.
type Cause string

// The causes an attempt can end with.
const (
	CauseFailed    Cause = "failed"    // the node said so, or its process crashed
	CauseHung      Cause = "hung"      // no report for idle_timeout, or past its deadline
	CauseOOM       Cause = "oom"       // out of device memory
	CauseSpilling  Cause = "spilling"  // running far slower than usual under memory pressure
	CauseLost      Cause = "lost"      // nobody knows: host or agent went away
	CausePreempted Cause = "preempted" // gave way to a task of higher priority
	CauseRefused   Cause = "refused"   // the executor would not start it
	CauseDrained   Cause = "drained"   // handed back by an agent that is shutting down
	CauseCancelled Cause = "cancelled" // a person or a dependent decision stopped it
)

// Error is a task's failure as data: what happened, and what to do next.
type Error struct {
	Cause Cause `json:"cause"`
	// Limit is which limit of a control node ended it, if one did.
	Limit Limit `json:"limit,omitempty"`
	// Message says what went wrong, to what; lower case, no trailing stop.
	Message string `json:"message"`
	// Hint says what the person can do about it; may be empty.
	Hint string `json:"hint,omitempty"`
	// Permanent: another attempt with the same inputs would fail the same way.
	Permanent bool `json:"permanent,omitempty"`
	// Detail is supporting text, such as the last lines a program printed.
	Detail string `json:"detail,omitempty"`
}

// Error gives the message and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + " (" + e.Hint + ")"
}

// Fail returns an *Error of CauseFailed that another attempt may mend.
func Fail(message, hint string) *Error {
	return &Error{Cause: CauseFailed, Message: message, Hint: hint}
}

// Refuse returns an *Error for inputs or surroundings that no further attempt can mend.
func Refuse(message, hint string) *Error {
	return &Error{Cause: CauseFailed, Message: message, Hint: hint, Permanent: true}
}

// Permanent marks err as one that another attempt with the same inputs cannot mend. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	e := *AsError(err)
	e.Permanent = true
	return &e
}

// AsError gives err's *Error, or wraps it as a plain failure. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		if e == nil { // an error that is not nil, and says nothing
			return Refuse("a nil *sdk.Error was returned as an error", "this is a mistake in the node's code: return a plain nil")
		}
		if e.Error() == err.Error() {
			return e
		}
		c := *e // keep what wrapping added
		c.Message, c.Hint = err.Error(), ""
		return &c
	}
	return &Error{Cause: CauseFailed, Message: err.Error()}
}
