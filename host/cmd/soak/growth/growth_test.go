package growth

import "testing"

// TestJudge: series as a soak records them, and some with a leak in them.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values       []float64
		slack, share float64
		want         State
	}{
		"goroutines, steady":              {[]float64{88, 121, 119, 124, 120, 122, 118, 123, 121, 119, 122, 120}, 10, 0, Steady},
		"goroutines, one more each round": {[]float64{88, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130}, 10, 0, Grows},
		"goroutines, many":                {[]float64{88, 120, 160, 150, 190, 230, 220, 260, 300, 290, 340, 380}, 10, 0, Grows},
		"heap, filling caches at first":   {[]float64{20, 40, 55, 60, 61, 60, 62, 60, 61, 62, 60, 61}, 4, 0.1, Steady},
		"heap, an outlier at the end":     {[]float64{20, 40, 60, 61, 60, 61, 60, 62, 61, 60, 61, 99}, 4, 0.1, Steady},
		"heap, within its share":          {[]float64{200, 200, 205, 203, 208, 204, 210, 206, 209, 207, 211, 208}, 4, 0.1, Steady},
		"heap, beyond its share":          {[]float64{200, 200, 210, 208, 220, 230, 228, 240, 251, 249, 260, 270}, 4, 0.1, Grows},
		"files, one each round":           {[]float64{0, 1, 2, 3, 4, 5, 6, 7, 8}, 3, 0, Grows},
		"files, none":                     {[]float64{0, 0, 0, 0, 0, 0, 0, 0, 0}, 0, 0, Steady},
		"files, none, then one":           {[]float64{0, 0, 0, 0, 0, 0, 1, 1, 1}, 0, 0, Grows},
		"it falls":                        {[]float64{50, 48, 46, 44, 42, 40, 38, 36, 34}, 0, 0, Steady},
		"too few rounds":                  {[]float64{1, 2, 3, 4, 5, 6, 7}, 0, 0, Grows},
		"far too few rounds":              {[]float64{1, 2, 3, 4, 5}, 0, 0, TooShort},
		"none":                            {nil, 0, 0, TooShort},
	} {
		if v := Judge(Series{Values: c.values, Slack: c.slack, Share: c.share}); v.State != c.want {
			t.Errorf("%s: %s, want %s: %+v", name, v.State, c.want, v)
		}
	}
}
