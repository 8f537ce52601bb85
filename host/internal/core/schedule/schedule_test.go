package schedule

import (
	"strings"
	"testing"
	"testing/quick"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	x, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestNext: the fire times after a moment, in the schedule's zone, over changes of the clock in both directions.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schedule, zone, after, want string }{
		{"0 3 * * *", "", "2026-03-28T03:00:00Z", "03-29 03:00Z 03-30 03:00Z"},
		{"0 3 * * *", "", "2026-03-28T02:59:59Z", "03-28 03:00Z 03-29 03:00Z"},
		{"@daily", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29 00:00+01 03-30 00:00+02"},
		{"0 0 29 2 *", "", "2026-03-28T12:00:00Z", "02-29 00:00Z"},
		{"0 0 13 * 5", "", "2026-03-01T00:00:00Z", "03-06 00:00Z 03-13 00:00Z 03-20 00:00Z"}, // either day will do, as in crontab
		{"0 0 * * 7", "", "2026-03-01T00:00:00Z", "03-08 00:00Z"},
		{"0 0 * * 6-7", "", "2026-03-01T00:00:00Z", "03-07 00:00Z 03-08 00:00Z 03-14 00:00Z"},
		// the clock jumps from 02:00 to 03:00: once, at the moment of the jump
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29 03:00+02 03-30 02:30+02"},
		{"0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29 03:00+02 03-30 02:00+02 03-30 02:30+02"},
		{"0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "03-29 03:00+02 03-30 02:00+02"},
		{"*/30 1-3 * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", "03-29 01:30+01 03-29 03:00+02 03-29 03:30+02 03-30 01:00+02"},
		{"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", "04-24 01:00+03 04-25 00:00+03"},                 // midnight is jumped over
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "10-04 02:30+11 10-05 02:15+11"},         // half an hour only
		{"0 12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "12-29 12:00-10 12-31 00:00+14 12-31 12:00+14"}, // a whole day
		// the clock goes back from 03:00 to 02:00: the first time only
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "10-25 02:30+02 10-26 02:30+01"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "10-26 02:30+01"},
		{"0,30 2 * * *", "Europe/Berlin", "2026-10-25T00:10:00Z", "10-25 02:30+02 10-26 02:00+01"},
		{"0 */2 * * *", "Europe/Berlin", "2026-10-24T21:00:00Z", "10-25 00:00+02 10-25 02:00+02 10-25 04:00+01"},
		{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", "04-05 01:45+11 04-06 01:45+10"},
		// the hour is *: as time passes
		{"*/30 * * * *", "Europe/Berlin", "2026-03-29T00:31:00Z", "03-29 03:00+02 03-29 03:30+02"},
		{"45 * * * *", "Europe/Berlin", "2026-03-29T00:31:00Z", "03-29 01:45+01 03-29 03:45+02"},
		{"*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", "10-25 02:00+02 10-25 02:30+02 10-25 02:00+01 10-25 02:30+01 10-25 03:00+01"},
		{"@hourly", "Australia/Lord_Howe", "2026-04-04T13:30:00Z", "04-05 01:00+11 04-05 02:00+10 04-05 03:00+10"},
		{"15 * * 3 0", "Europe/Berlin", "2026-03-29T00:30:00Z", "03-29 03:15+02"},
		{"@every 90m", "Europe/Berlin", "2026-03-29T00:30:00Z", "03-29 04:00+02 03-29 05:30+02"},
	} {
		s, err := Parse(c.schedule, c.zone)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		next := at(t, c.after)
		for range strings.Count(c.want, ":") {
			next = s.Next(next)
			got = append(got, next.In(s.Location()).Format("01-02 15:04Z07"))
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s in %s after %s:\n got %s\nwant %s", c.schedule, c.zone, c.after, got, c.want)
		}
	}
	if next := (Schedule{}).Next(at(t, "2026-03-29T00:30:00Z")); !next.IsZero() {
		t.Error("no schedule comes due at", next)
	}
}

// TestNextMovesOn: whatever the moment, the next time is later, is the same seen from anywhere in between, and comes
// within the longest pause that a daily or hourly schedule has.
func TestNextMovesOn(t *testing.T) {
	t.Parallel()
	from := at(t, "2024-01-01T00:00:00Z").Unix()
	for _, zone := range []string{"UTC", "Europe/Berlin", "Africa/Cairo", "Australia/Lord_Howe", "America/St_Johns"} {
		for text, longest := range map[string]time.Duration{"30 2 * * *": 25 * time.Hour, "0 0 * * *": 25 * time.Hour, "7 * * * *": 90 * time.Minute, "*/10 0-3 * * *": 22 * time.Hour} {
			s, err := Parse(text, zone)
			if err != nil {
				t.Fatal(err)
			}
			check := func(offset uint32, part uint16) bool {
				after := time.Unix(from+int64(offset%(5*365*24*3600)), 0)
				next := s.Next(after)
				between := after.Add(time.Duration(int64(next.Sub(after)) / (1 << 16) * int64(part)))
				return next.After(after) && next.Sub(after) <= longest && s.Next(between).Equal(next)
			}
			if err := quick.Check(check, &quick.Config{MaxCount: 2000}); err != nil {
				t.Errorf("%s in %s: %v", text, zone, err)
			}
		}
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		schedule, after, until string
		n                      int
		last                   string
	}{
		{"0 3 * * *", "2026-03-28T03:00:00Z", "2026-03-28T23:00:00Z", 0, ""},
		{"0 3 * * *", "2026-03-28T03:00:00Z", "2026-03-29T03:00:00Z", 1, "2026-03-29T03:00:00Z"},
		{"0 3 * * *", "2026-03-28T03:00:00Z", "2026-03-31T02:59:00Z", 2, "2026-03-30T03:00:00Z"},
		{"0 3 * * *", "2016-03-28T03:00:00Z", "2026-03-31T02:59:00Z", 365, "2026-03-30T03:00:00Z"},
		{"@every 1s", "2026-03-28T03:00:00Z", "2027-03-28T03:00:00Z", 365 * 24 * 3600, "2027-03-28T03:00:00Z"},
		{"@every 1h", "2026-03-28T03:00:00Z", "2026-03-28T05:30:00Z", 2, "2026-03-28T05:00:00Z"},
		{"@every 1h", "2026-03-28T03:00:00Z", "2026-03-28T02:00:00Z", 0, ""},
	} {
		s, err := Parse(c.schedule, "")
		if err != nil {
			t.Fatal(err)
		}
		n, last := s.Between(at(t, c.after), at(t, c.until))
		if n != c.n || n > 0 && !last.Equal(at(t, c.last)) {
			t.Errorf("%s from %s to %s: %d, last %s", c.schedule, c.after, c.until, n, last)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ schedule, zone, problem string }{
		{" 0  3 * * MON-FRI ", "Europe/Berlin", ""}, {"@weekly", "", ""}, {"@midnight", "UTC", ""}, {"*/5 9-17 1,15 JAN-JUN *", "", ""},
		{"@every 1s", "", ""}, {"@every 1h30m", "", ""},
		{"", "", "empty"}, {"* * * *", "", "this has 4"}, {"0 0 3 * * *", "", "this has 6"}, {"@dayly", "", "there is no schedule @dayly; there are @hourly"},
		{"@reboot", "", "@daily"}, {"@every", "", "@every 90m"}, {"@every 10ms", "", "a second or more"}, {"@every -1h", "", "a second or more"}, {"@every soon", "", `got "soon"`},
		{"61 * * * *", "", `minute "61"`}, {"0 25 * * *", "", `hour "25"`}, {"0 0 0 * *", "", `day of month "0"`}, {"0 0 * FOO *", "", `month "FOO"`},
		{"0 0 * * 8", "", `day of week "8"`}, {"0 0 30 2 *", "", "never comes"}, {"TZ=UTC 0 3 * * *", "", "timezone ="}, {"CRON_TZ=UTC 0 3 * * *", "", "timezone ="},
		{"0 3 * * *", "Europe/Berln", `there is no time zone "Europe/Berln"`}, {"0 3 * * *", "Local", "no time zone"}, {"0 3 * * *", "../etc/passwd", "no time zone"},
	} {
		s, err := Parse(c.schedule, c.zone)
		switch {
		case c.problem == "" && (err != nil || s.String() != strings.Join(strings.Fields(c.schedule), " ")):
			t.Errorf("%q: %v %v", c.schedule, s, err)
		case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
			t.Errorf("%q in %q: %v", c.schedule, c.zone, err)
		}
	}
}

// FuzzParse: what parses comes due, later and later.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"0 3 * * *", "*/7 1-5,22 * 2 MON", "@daily", "@every 3h", "59 23 31 12 7", "0 0 1-7 * 6-7"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text, "Europe/Berlin")
		if err != nil {
			return
		}
		next := at(t, "2026-01-01T00:00:00Z")
		for range 5 {
			later := s.Next(next)
			if !later.After(next) {
				t.Fatalf("%q: after %s comes %s", text, next, later)
			}
			next = later
		}
	})
}
