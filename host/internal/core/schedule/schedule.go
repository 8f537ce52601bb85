// Package schedule knows when a cron schedule comes due: five fields (minute, hour, day of month, month, day of week), a
// name such as @daily, or @every 90m, in a named time zone. It owns what a change of the clock means:
//
//   - a time that the clock jumps over comes due the moment it has jumped: with the clocks of Berlin, 02:30 is 03:00 on
//     that day, once, however many times of the schedule lie in the gap;
//   - a time that comes twice comes due the first time only;
//   - a schedule whose hour is * knows no missing and no double times: it goes on minute by minute, as time passes;
//   - @every counts what has passed, whatever the clock shows.
//
// It has no clock itself: the time is a parameter. Zones are the system's where it has them, else those linked in.
package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a machine without a zone database knows all zones too

	"github.com/robfig/cron/v3"
)

// Schedule is a checked schedule. The zero value never comes due.
type Schedule struct {
	text, zone string
	every      time.Duration      // of @every; 0: spec counts
	spec       *cron.SpecSchedule // in UTC: it is asked for times of a clock on the wall
	location   *time.Location
}

// UTC is the zone of a schedule that names none.
const UTC = "UTC"

// names of schedules, for people.
const names = "@hourly, @daily (or @midnight), @weekly, @monthly, @yearly (or @annually) and @every 90m"

// Parse checks a schedule and its time zone, such as "Europe/Berlin"; "" is UTC. The errors are for people.
func Parse(text, zone string) (Schedule, error) {
	location, err := Zone(zone)
	if err != nil {
		return Schedule{}, err
	}
	s := Schedule{text: strings.Join(strings.Fields(text), " "), zone: location.String(), location: location}
	if rest, ok := strings.CutPrefix(s.text, "@every "); ok {
		s.every, err = time.ParseDuration(rest)
		if err != nil || s.every < time.Second {
			return Schedule{}, fmt.Errorf("@every wants a duration of a second or more, such as 90m or 1h30m; got %q", rest)
		}
		s.every = s.every.Truncate(time.Second)
		return s, nil
	}
	if s.spec, err = parse(s.text); err != nil {
		return Schedule{}, err
	}
	if s.spec.Next(leapYear).IsZero() {
		return Schedule{}, fmt.Errorf("%q never comes: no month has that day", s.text)
	}
	return s, nil
}

// leapYear begins five years that have every day there is.
var leapYear = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// Zone finds a time zone by its name; "" is UTC.
func Zone(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("there is no time zone %q; write it like \"Europe/Berlin\", \"America/New_York\" or \"UTC\"", name)
	}
	return location, nil
}

func parse(text string) (*cron.SpecSchedule, error) {
	fields := strings.Fields(text)
	switch {
	case len(fields) == 0:
		return nil, fmt.Errorf("the schedule is empty; write it like \"0 3 * * *\" or \"@daily\"")
	case strings.HasPrefix(text, "@"):
		if parsed, err := cron.ParseStandard(text); err == nil {
			return inUTC(parsed), nil
		}
		return nil, fmt.Errorf("there is no schedule %s; there are %s", fields[0], names)
	case strings.Contains(fields[0], "="):
		return nil, fmt.Errorf("a schedule names no zone; write timezone = \"Europe/Berlin\" beside it")
	case len(fields) != 5:
		return nil, fmt.Errorf("a schedule has five fields (minute, hour, day of month, month, day of week), such as \"0 3 * * *\"; this has %d", len(fields))
	}
	fields[4] = sunday(fields[4])
	parsed, err := cron.ParseStandard(strings.Join(fields, " "))
	if err != nil {
		return nil, blame(fields, err)
	}
	return inUTC(parsed), nil
}

func inUTC(parsed cron.Schedule) *cron.SpecSchedule {
	spec := *parsed.(*cron.SpecSchedule) // of fields and names there is no other kind
	spec.Location = time.UTC
	return &spec
}

// sunday writes the 7 that crontab takes for Sunday as 0.
func sunday(field string) string {
	parts := strings.Split(field, ",")
	for i, part := range parts {
		if from, ok := strings.CutSuffix(part, "-7"); ok && len(from) == 1 {
			part = "0"
			if from != "7" {
				part = from + "-6,0"
			}
		}
		if part == "7" {
			part = "0"
		}
		parts[i] = part
	}
	return strings.Join(parts, ",")
}

// blame finds the field that is wrong.
func blame(fields []string, err error) error {
	for i, name := range []string{"minute", "hour", "day of month", "month", "day of week"} {
		alone := slices.Repeat([]string{"*"}, len(fields))
		alone[i] = fields[i]
		if _, e := cron.ParseStandard(strings.Join(alone, " ")); e != nil {
			return fmt.Errorf("%s %q: %w", name, fields[i], e)
		}
	}
	return err
}

// String gives the schedule as written, with single spaces.
func (s Schedule) String() string { return s.text }

// Timezone is the name of its zone.
func (s Schedule) Timezone() string { return s.zone }

// Location is its zone.
func (s Schedule) Location() *time.Location { return s.location }

// Between says how often the schedule came due after one time and up to another, that one included, and when last. Of
// more than a year only the last is looked at.
func (s Schedule) Between(after, until time.Time) (n int, last time.Time) {
	if s.every > 0 && until.After(after) {
		n = int(until.Sub(after) / s.every)
		return n, after.Add(time.Duration(n) * s.every)
	}
	if long := until.AddDate(-1, 0, 0); after.Before(long) {
		after = long
	}
	for next := s.Next(after); !next.IsZero() && !next.After(until); next = s.Next(next) {
		n, last = n+1, next
	}
	return n, last
}
