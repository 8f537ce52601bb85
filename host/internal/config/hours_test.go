package config_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config"
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
	night := config.Hours{Days: work, From: 22 * 60, To: 7 * 60, Zone: berlin}
	noon := config.Hours{Days: all, From: 12 * 60, To: 13 * 60, Zone: berlin}
	day := config.Hours{Days: all, From: 0, To: 24 * 60, Zone: berlin}
	gone := config.Hours{Days: []time.Weekday{time.Sunday}, From: 2*60 + 15, To: 2*60 + 45, Zone: berlin}
	early := config.Hours{Days: all, From: 2*60 + 30, To: 5 * 60, Zone: berlin}
	for name, c := range map[string]struct {
		hours []config.Hours
		now   string
		open  bool
		until string // empty: never
	}{
		"no windows":           {nil, "2026-01-01T00:00:00+01:00", true, ""},
		"before":               {[]config.Hours{noon}, "2026-01-01T11:59:59+01:00", false, "2026-01-01T12:00:00+01:00"},
		"at its beginning":     {[]config.Hours{noon}, "2026-01-01T12:00:00+01:00", true, "2026-01-01T13:00:00+01:00"},
		"at its end":           {[]config.Hours{noon}, "2026-01-01T13:00:00+01:00", false, "2026-01-02T12:00:00+01:00"},
		"by another clock":     {[]config.Hours{noon}, "2026-01-01T11:30:00Z", true, "2026-01-01T13:00:00+01:00"},
		"after midnight":       {[]config.Hours{night}, "2026-01-03T06:00:00+01:00", true, "2026-01-03T07:00:00+01:00"}, // Friday's
		"the weekend":          {[]config.Hours{night}, "2026-01-03T07:00:00+01:00", false, "2026-01-05T22:00:00+01:00"},
		"always":               {[]config.Hours{day}, "2026-01-03T07:00:00+01:00", true, ""},
		"over both":            {[]config.Hours{noon, {Days: all, From: 13 * 60, To: 14 * 60, Zone: berlin}}, "2026-01-01T12:10:00+01:00", true, "2026-01-01T14:00:00+01:00"},
		"put forward in it":    {[]config.Hours{night}, "2026-03-28T01:00:00+01:00", true, "2026-03-28T07:00:00+01:00"},
		"put forward over it":  {[]config.Hours{gone}, "2026-03-28T12:00:00+01:00", false, "2026-04-05T02:15:00+02:00"},
		"begins at the change": {[]config.Hours{early}, "2026-03-29T01:59:00+01:00", false, "2026-03-29T03:00:00+02:00"},
		"put back: the first":  {[]config.Hours{early}, "2026-10-25T02:00:00+02:00", false, "2026-10-25T02:30:00+02:00"},
		"put back: goes on":    {[]config.Hours{early}, "2026-10-25T02:10:00+01:00", true, "2026-10-25T05:00:00+01:00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			open, until := config.Open(c.hours, now)
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
		hours := make([]config.Hours, 1+rnd.IntN(3))
		for i := range hours {
			h := config.Hours{From: config.Clock(rnd.IntN(24 * 60)), To: config.Clock(rnd.IntN(24*60 + 1)), Zone: zones[rnd.IntN(len(zones))]}
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
			hours[i] = h
		}
		now := first.Add(time.Duration(rnd.Int64N(int64(730 * 24 * time.Hour)))).Truncate(time.Second)
		open, until := config.Open(hours, now)
		if until.IsZero() {
			for i := range 14 * 24 * 4 {
				if o, _ := config.Open(hours, now.Add(time.Duration(i)*15*time.Minute)); o != open {
					t.Fatalf("%+v\n%s: never changes, and does", hours, now)
				}
			}
			continue
		}
		if !until.After(now) {
			t.Fatalf("%+v\n%s: until %s", hours, now, until)
		}
		for range 8 {
			at := now.Add(time.Duration(rnd.Int64N(int64(until.Sub(now)))))
			if o, u := config.Open(hours, at); o != open || !u.Equal(until) {
				t.Fatalf("%+v\n%s: %v until %s; at %s it is %v until %s", hours, now, open, until, at, o, u)
			}
		}
		if o, _ := config.Open(hours, until); o == open {
			t.Fatalf("%+v\n%s: %v until %s, and then too", hours, now, open, until)
		}
		if len(hours) == 1 && hours[0].Zone == time.UTC && open != onTheWall(hours[0], now) {
			t.Fatalf("%+v\n%s: %v", hours, now, open)
		}
	}
}

func onTheWall(h config.Hours, now time.Time) bool {
	c := config.Clock(60*now.Hour() + now.Minute())
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
