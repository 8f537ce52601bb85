package schedule

import "time"

// everyHour is the bit by which the parser marks a field that is *.
const everyHour = 1 << 63

// Next is when the schedule comes due for the first time after a time; the zero time when it never does.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.every > 0:
		return after.Add(s.every)
	case s.spec == nil:
		return time.Time{}
	case s.spec.Hour&everyHour != 0:
		return s.passing(after)
	}
	for wall := s.spec.Next(wallOf(after, s.location)); !wall.IsZero(); wall = s.spec.Next(wall) {
		if due := s.firstAt(wall); due.After(after) {
			return due
		}
	}
	return time.Time{}
}

// wallOf is what a clock on the wall shows, written as if it hung in Greenwich, where clocks never jump.
func wallOf(t time.Time, location *time.Location) time.Time {
	t = t.In(location)
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// offsetBefore is more than any zone is ahead of Greenwich.
const offsetBefore = 15 * time.Hour

// firstAt is the first moment at which a clock on the wall shows a time or, when it jumps over it, a later one.
func (s Schedule) firstAt(wall time.Time) time.Time {
	for t := wall.Add(-offsetBefore).In(s.location); ; {
		_, offset := t.Zone()
		begin, end := t.ZoneBounds()
		due := wall.Add(-time.Duration(offset) * time.Second).In(s.location)
		switch {
		case !end.IsZero() && !due.Before(end):
			t = end
		case !begin.IsZero() && due.Before(begin):
			return begin
		default:
			return due
		}
	}
}

// passing is Next for a schedule that goes on minute by minute.
func (s Schedule) passing(after time.Time) time.Time {
	for t := after.In(s.location); ; {
		_, offset := t.Zone()
		_, end := t.ZoneBounds()
		wall := s.spec.Next(wallOf(t, s.location))
		if wall.IsZero() {
			return wall
		}
		due := wall.Add(-time.Duration(offset) * time.Second).In(s.location)
		if end.IsZero() || due.Before(end) {
			return due
		}
		// At the end of this stretch the clock jumps; that moment itself may be due.
		if first := wallOf(end, s.location); s.spec.Next(first.Add(-time.Second)).Equal(first) {
			return end
		}
		t = end
	}
}
