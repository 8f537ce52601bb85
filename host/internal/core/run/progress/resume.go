package progress

import (
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
)

// resumed opens a failed or cancelled run again: what succeeded stays, everything else may be tried anew.
func (s *State) resumed(e *run.Event) string {
	if s.Status != run.Failed && s.Status != run.Cancelled {
		return "the run is " + string(s.Status)
	}
	s.Status, s.Error, s.Reason, s.Ended = run.Running, nil, "", time.Time{}
	s.CancelRequested, s.Held, s.failed, s.ending, s.expiring = false, false, 0, false, false
	s.forget()
	s.reopenFrame(&s.Frame, e.Time)
	s.Deadline = e.Deadline
	return ""
}

// forget drops what was due before the run ended.
func (s *State) forget() {
	for _, i := range s.due {
		i.listed = false
	}
	for _, f := range s.touched {
		f.listed = false
	}
	s.toExpand, s.due, s.backoff, s.toCancel, s.touched, s.timed, s.soonest = nil, nil, nil, nil, nil, nil, time.Time{}
}

// reopenFrame has a frame go on that had come to rest. What stands in State's lists of it may still stand there.
func (s *State) reopenFrame(f *Frame, now time.Time) {
	f.Expired, f.failing, f.closing, f.running, f.open = false, nil, false, 0, 0
	if f.Owner != nil && f.shape.Timeout > 0 {
		f.Deadline = now.Add(f.shape.Timeout)
		f.Owner.Deadline = f.Deadline
		s.at(timed{at: f.Deadline, frame: f})
	}
	for _, n := range f.Nodes {
		s.reopen(n, now)
	}
	for _, n := range f.Nodes {
		n.unmet = 0
		for _, need := range n.Needs {
			if p := f.byName[need]; p != nil && !p.State.Ended() {
				n.unmet++
			}
		}
		if n.State == run.NodePending && n.unmet == 0 {
			s.toExpand = append(s.toExpand, n)
		}
	}
	if f.open == 0 {
		s.touch(f)
	}
}

func (s *State) reopen(n *Node, now time.Time) {
	if n.State == run.NodeSucceeded || n.State == run.NodeCached {
		return
	}
	n.Error, n.Reason, n.Ended, n.asked = nil, "", time.Time{}, false
	n.Frame.open++
	if len(n.Instances) == 0 {
		n.State = run.NodePending
		return
	}
	n.State, n.openInst = run.NodeReady, 0
	for _, i := range n.Instances {
		i.asked, i.Doubt, i.Cancel = false, false, false
		if i.State == run.NodeSucceeded || i.State == run.NodeCached {
			continue
		}
		i.State, i.Tries, i.Lost, i.Error, i.RetryAt, i.Ended = run.NodeReady, 0, 0, nil, time.Time{}, time.Time{}
		n.openInst++
		if inside := i.Inside(); inside != nil { // go on in it
			i.State, n.State = run.NodeRunning, run.NodeRunning
			s.reopenFrame(inside, now)
			continue
		}
		s.Offer(i)
	}
}
