package run

import (
	"fmt"

	"github.com/myspinbot/spinbot/sdk"
)

// Tell says in words what an event recorded, and how much it matters ("info" or "error"); nothing for those that
// concern nobody.
func (e Event) Tell() (level, text string) {
	level = "info"
	if e.Error != nil || e.Kind == DeadlinePassed {
		level = "error"
	}
	switch e.Kind {
	case RunCreated:
		text = "run of " + e.Pipeline + " created"
		if e.Parent != "" {
			text += ", which repeats " + string(e.Parent)
		}
		if e.Imported != nil {
			text += ", at " + e.Imported.Host + ": it was imported"
		}
	case RunStarted:
		text = "its turn has come"
	case RunPrioritized:
		text = by(e, fmt.Sprintf("priority set to %d", e.Priority))
		if e.Place != "" {
			text = by(e, fmt.Sprintf("moved in the queue, to priority %d", e.Priority))
		}
	case NodeExpanded:
		switch {
		case e.Skip:
			text = "skipped: " + e.Reason
		case e.Each:
			text = fmt.Sprintf("%d instances", len(e.Keys))
		}
	case NodeFailedEvent:
		text = "failed: " + errorText(e.Error)
	case NodeCachedEvent:
		text = "taken from the cache: " + e.Source
	case NodeDecided:
		text = by(e, "decided: "+string(e.Decision))
	case AttemptStarted:
		text = fmt.Sprintf("attempt %d started", e.Attempt)
		if e.Rung > 0 {
			text += fmt.Sprintf(" on rung %d of its ladder", e.Rung)
		}
		if e.Reason != "" {
			text += ": " + e.Reason
		}
	case AttemptEnded:
		text = tellEnd(e)
	case ModuleOpened:
		text = "opened"
	case ModuleEnded:
		text = "ended" + again(e)
		if e.Error != nil {
			text = "failed: " + errorText(e.Error)
		}
	case GateOpened:
		text = "waits for a person"
	case GateAnswered:
		text = by(e, map[bool]string{true: "approved", false: "rejected"}[e.Outputs["approved"] == true])
	case CancelRequested:
		text = by(e, "cancel requested")
	case DeadlinePassed:
		text = "its time is up"
	case RunPaused:
		text = by(e, "paused")
	case RunContinued:
		text = by(e, "goes on")
	case RunResumed:
		text = "resumed"
	case RunEnded:
		text = "run " + string(e.Status)
	case AttemptSaved:
	}
	return level, text
}

func tellEnd(e Event) string {
	if e.Error == nil {
		return fmt.Sprintf("attempt %d succeeded", e.Attempt) + again(e)
	}
	return fmt.Sprintf("attempt %d ended (%s): %s", e.Attempt, e.Error.Cause, errorText(e.Error))
}

func again(e Event) string {
	if e.Again {
		return "; another round follows"
	}
	return ""
}

func errorText(err *sdk.Error) string {
	if err == nil {
		return "no reason is recorded"
	}
	text := err.Error()
	if err.Detail != "" {
		text += "\n" + err.Detail
	}
	return text
}

// by adds who said something, and why.
func by(e Event, what string) string {
	if e.Owner != "" {
		what += " by " + e.Owner
	}
	if e.Reason != "" {
		what += ": " + e.Reason
	}
	return what
}
