// Package hours is when something may be done: windows of each week, by the clock of a place, over every change of that clock.
package hours

import (
	"slices"
	"time"
)

// Weekly is a window that begins on some days of each week, by the clock of a place.
type Weekly struct {
	Days []time.Weekday // on which it begins; at least one
	// From is when it begins. To, when it ends: on the next day when it is not later than From.
	From, To Clock
	Zone     *time.Location
}

// EndOfDay is midnight, when a window may end.
const EndOfDay Clock = 24 * 60

// DayNames are how days are written.
var DayNames = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Weekday gives the day of that name; there is one.
func Weekday(name string) time.Weekday {
	return time.Weekday((slices.Index(DayNames, name) + 1) % 7)
}

// Look this far around now: a window begins at least once a week, and the change of a clock may swallow one.
const (
	daysBehind = 3
	daysAhead  = 16
)

// window is a stretch of time, its end excluded.
type window struct{ from, to time.Time }

// Open says whether now lies in any of the windows, and when that changes next; the zero time when it never does. With no
// windows it is always open. A window begins and ends with the first moment at which the clock shows its time or a later
// one: where a clock is put forward over it, that is the moment of the change; where one is put back, the first of two.
func Open(hours []Weekly, now time.Time) (open bool, until time.Time) {
	if len(hours) == 0 {
		return true, time.Time{}
	}
	end := time.Time{}
	for _, w := range windows(hours, now) {
		switch {
		case open && w.from.After(end):
			return true, end
		case open:
			end = later(end, w.to)
		case !w.from.After(now) && w.to.After(now):
			open, end = true, w.to
		case w.from.After(now):
			return false, w.from
		}
	}
	if end.Sub(now) > (daysAhead-2)*24*time.Hour { // as far as one can see
		end = time.Time{}
	}
	return open, end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// windows gives those around now, by their beginning.
func windows(hours []Weekly, now time.Time) (all []window) {
	for _, h := range hours {
		y, m, d := now.In(h.Zone).Date()
		for i := -daysBehind; i <= daysAhead; i++ {
			day := time.Date(y, m, d+i, 0, 0, 0, 0, time.UTC)
			if !slices.Contains(h.Days, day.Weekday()) {
				continue
			}
			last := day
			if h.To <= h.From {
				last = day.AddDate(0, 0, 1)
			}
			w := window{shows(day, h.From, h.Zone), shows(last, h.To, h.Zone)}
			if w.from.Before(w.to) {
				all = append(all, w)
			}
		}
	}
	slices.SortFunc(all, func(a, b window) int { return a.from.Compare(b.from) })
	return all
}

// shows gives the first moment at which a clock in the zone shows a time of a day, or a later one. The day's date counts,
// whatever its own zone.
func shows(day time.Time, c Clock, zone *time.Location) time.Time {
	wall := day.Add(time.Duration(c) * time.Minute) // as if it were UTC
	var none time.Time
	for _, near := range []time.Time{wall.Add(-36 * time.Hour), wall.Add(36 * time.Hour)} { // the clock before and after a change
		_, offset := near.In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		_, actual := t.Zone()
		if actual == offset {
			return t
		}
		if none.IsZero() {
			none = t // by the clock before: it lies behind the change
		}
	}
	change, _ := none.ZoneBounds()
	return change
}
