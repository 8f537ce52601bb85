package hours_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config/hours"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

var (
	all  = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
	work = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
)

func TestOpen(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin") // put forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00
	night := hours.Weekly{Days: work, From: 22 * 60, To: 7 * 60, Zone: berlin}
	noon := hours.Weekly{Days: all, From: 12 * 60, To: 13 * 60, Zone: berlin}
	day := hours.Weekly{Days: all, From: 0, To: 24 * 60, Zone: berlin}
	gone := hours.Weekly{Days: []time.Weekday{time.Sunday}, From: 2*60 + 15, To: 2*60 + 45, Zone: berlin}
	early := hours.Weekly{Days: all, From: 2*60 + 30, To: 5 * 60, Zone: berlin}
	for name, c := range map[string]struct {
		hours []hours.Weekly
		now   string
		open  bool
		until string // empty: never
	}{
		"no windows":           {nil, "2026-01-01T00:00:00+01:00", true, ""},
		"before":               {[]hours.Weekly{noon}, "2026-01-01T11:59:59+01:00", false, "2026-01-01T12:00:00+01:00"},
		"at its beginning":     {[]hours.Weekly{noon}, "2026-01-01T12:00:00+01:00", true, "2026-01-01T13:00:00+01:00"},
		"at its end":           {[]hours.Weekly{noon}, "2026-01-01T13:00:00+01:00", false, "2026-01-02T12:00:00+01:00"},
		"by another clock":     {[]hours.Weekly{noon}, "2026-01-01T11:30:00Z", true, "2026-01-01T13:00:00+01:00"},
		"after midnight":       {[]hours.Weekly{night}, "2026-01-03T06:00:00+01:00", true, "2026-01-03T07:00:00+01:00"}, // Friday's
		"the weekend":          {[]hours.Weekly{night}, "2026-01-03T07:00:00+01:00", false, "2026-01-05T22:00:00+01:00"},
		"always":               {[]hours.Weekly{day}, "2026-01-03T07:00:00+01:00", true, ""},
		"over both":            {[]hours.Weekly{noon, {Days: all, From: 13 * 60, To: 14 * 60, Zone: berlin}}, "2026-01-01T12:10:00+01:00", true, "2026-01-01T14:00:00+01:00"},
		"put forward in it":    {[]hours.Weekly{night}, "2026-03-28T01:00:00+01:00", true, "2026-03-28T07:00:00+01:00"},
		"put forward over it":  {[]hours.Weekly{gone}, "2026-03-28T12:00:00+01:00", false, "2026-04-05T02:15:00+02:00"},
		"begins at the change": {[]hours.Weekly{early}, "2026-03-29T01:59:00+01:00", false, "2026-03-29T03:00:00+02:00"},
		"put back: the first":  {[]hours.Weekly{early}, "2026-10-25T02:00:00+02:00", false, "2026-10-25T02:30:00+02:00"},
		"put back: goes on":    {[]hours.Weekly{early}, "2026-10-25T02:10:00+01:00", true, "2026-10-25T05:00:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			open, until := hours.Open(c.hours, now)
			got := ""
			if !until.IsZero() {
				got = until.In(berlin).Format(time.RFC3339)
			}
			if open != c.open || got != c.until {
				t.Errorf("open %v until %s, want %v until %s", open, got, c.open, c.until)
			}
		})
	}
}

// TestOpenProperties: whatever the windows and the moment, the answer holds up to the moment it names, and there it
// turns. By an ordinary clock it is what the clock on the wall says.
func TestOpenProperties(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	zones := []*time.Location{zone(t, "Europe/Berlin"), zone(t, "America/New_York"), zone(t, "Australia/Lord_Howe"), zone(t, "Pacific/Apia"), zone(t, "Asia/Kathmandu"), time.UTC}
	first := time.Date(2011, 12, 1, 0, 0, 0, 0, time.UTC) // Apia skips a day in it
	for range 4000 {
		list := make([]hours.Weekly, 1+rnd.IntN(3))
		for i := range list {
			h := hours.Weekly{From: hours.Clock(rnd.IntN(24 * 60)), To: hours.Clock(rnd.IntN(24*60 + 1)), Zone: zones[rnd.IntN(len(zones))]}
			if h.From == h.To {
				h.To = h.From + 1
			}
			for _, d := range all {
				if rnd.IntN(2) == 0 {
					h.Days = append(h.Days, d)
				}
			}
			if h.Days == nil {
				h.Days = all[:1]
			}
			list[i] = h
		}
		now := first.Add(time.Duration(rnd.Int64N(int64(730 * 24 * time.Hour)))).Truncate(time.Second)
		open, until := hours.Open(list, now)
		if until.IsZero() {
			for i := range 14 * 24 * 4 {
				if o, _ := hours.Open(list, now.Add(time.Duration(i)*15*time.Minute)); o != open {
					t.Fatalf("%+v\n%s: never changes, and does", list, now)
				}
			}
			continue
		}
		if !until.After(now) {
			t.Fatalf("%+v\n%s: until %s", list, now, until)
		}
		for range 8 {
			at := now.Add(time.Duration(rnd.Int64N(int64(until.Sub(now)))))
			if o, u := hours.Open(list, at); o != open || !u.Equal(until) {
				t.Fatalf("%+v\n%s: %v until %s; at %s it is %v until %s", list, now, open, until, at, o, u)
			}
		}
		if o, _ := hours.Open(list, until); o == open {
			t.Fatalf("%+v\n%s: %v until %s, and then too", list, now, open, until)
		}
		if len(list) == 1 && list[0].Zone == time.UTC && open != onTheWall(list[0], now) {
			t.Fatalf("%+v\n%s: %v", list, now, open)
		}
	}
}

func onTheWall(h hours.Weekly, now time.Time) bool {
	c := hours.Clock(60*now.Hour() + now.Minute())
	begins := func(d time.Weekday) bool {
		for _, x := range h.Days {
			if x == d {
				return true
			}
		}
		return false
	}
	today, yesterday := begins(now.Weekday()), begins((now.Weekday()+6)%7)
	if h.From < h.To {
		return today && c >= h.From && c < h.To
	}
	return today && c >= h.From || yesterday && c < h.To
}
