// Package growth says whether a series of measurements grows. It is pure: whoever measures gives it numbers, one for each
// round in which the same work was done and everything given back.
package growth

import (
	"cmp"
	"slices"
)

// Series is one thing that was measured after every round.
type Series struct {
	Name   string    `json:"name"`
	Unit   string    `json:"unit,omitempty"`
	Values []float64 `json:"values"`
	// Slack is what it may differ by, in its unit; Share the same as a part of what it was at first. The larger one counts.
	Slack float64 `json:"slack"`
	Share float64 `json:"share,omitempty"`
}

// State is what became of a series.
type State string

// Steady and Grows are verdicts; TooShort is none, as there were too few rounds.
const (
	Steady   State = "steady"
	Grows    State = "GROWS"
	TooShort State = "too short"
)

// Verdict is what a series shows after it has warmed up.
type Verdict struct {
	Series
	// First and Last are medians of the first and of the last third; Trend is between -1 (each value is below all before it) and
	// 1 (each is above).
	First     float64 `json:"first"`
	Last      float64 `json:"last"`
	Trend     float64 `json:"trend"`
	Tolerated float64 `json:"tolerated"`
	State     State   `json:"state"`
}

// Least is how many rounds have to be left after the first quarter, in which caches fill and pools are made.
const Least = 6

const (
	rising   = 0.3 // a trend from which a difference is growth, and no outlier
	constant = 0.85
	part     = 3 // of what is tolerated: as much is growth where the trend is constant
)

// Judge looks at a series. It grows if the last third is above the first by more than is tolerated, and not only for a moment; a
// third of that is enough if nearly every value is above those before it, as with something that each round leaves behind.
func Judge(s Series) Verdict {
	v := Verdict{Series: s, State: TooShort}
	warm := s.Values[len(s.Values)/4:]
	if len(warm) < Least {
		return v
	}
	third := len(warm) / 3
	v.First, v.Last, v.Trend = median(warm[:third]), median(warm[len(warm)-third:]), trend(warm)
	v.Tolerated = max(s.Slack, s.Share*v.First)
	v.State = Steady
	grown := v.Last - v.First
	if grown > v.Tolerated && v.Trend > rising || grown > v.Tolerated/part && v.Trend > constant {
		v.State = Grows
	}
	return v
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// trend is Kendall's tau: pairs that rise less those that fall, of all.
func trend(values []float64) float64 {
	sum, pairs := 0, 0
	for k, a := range values {
		for _, b := range values[k+1:] {
			sum += cmp.Compare(b, a)
			pairs++
		}
	}
	return float64(sum) / float64(max(pairs, 1))
}
