package client

// Queued is a run that waits for its turn.
type Queued struct {
	Run      string `json:"run"`
	Priority int    `json:"priority"`
	Why      string `json:"why"`
}

// Queue is what waits for its turn, in order.
type Queue struct {
	Version int      `json:"version"`
	Paused  bool     `json:"paused"`
	Held    string   `json:"held,omitempty"` // why no new work begins now
	Total   int      `json:"total"`
	Unread  int      `json:"unread,omitempty"` // runs from before the host's start that it has not read back
	Runs    []Queued `json:"runs"`             // the first of them
	// Tasks are attempts that wait for devices, in order: the first of them, of TasksTotal. Where several hosts share a fleet, those
	// of all hosts.
	Tasks      []WaitingTask `json:"tasks"`
	TasksTotal int           `json:"tasks_total"`
}

// NextRun is the run that is to be the next.
type NextRun struct {
	Run string `json:"run"`
}

// MoveRun puts a run that waits right before another one, or right after it: one of the two is named.
type MoveRun struct {
	Run    string `json:"run"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// WaitingTask is an attempt that waits for devices.
type WaitingTask struct {
	At  string `json:"at"`
	Why string `json:"why"`
}
