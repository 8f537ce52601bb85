package score

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"github.com/myspinbot/spinbot/host/control/condition"
	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// ready is a rule that was checked.
type ready struct {
	condition.Ready
	name   string
	weight float64
}

// maxReasons bounds what is said of all candidates together: beyond it those that rank low have no reasons.
const maxReasons = 20_000

func rank(candidates []any, rules []ready) ([]ranked, error) {
	list := make([]ranked, len(candidates))
	sums := make([]float64, len(candidates))
	for i, c := range candidates {
		for j := range rules {
			sums[i] += rules[j].points(c)
		}
		n, err := written(sums[i])
		if err != nil {
			return nil, sdk.Refuse("candidates["+strconv.Itoa(i)+"] has a score that is too large", "give smaller weights")
		}
		list[i] = ranked{Value: c, Index: i, Score: n, Reasons: []string{}}
	}
	// Scores compare as they are written, so that what looks equal is equal.
	slices.SortStableFunc(list, func(a, b ranked) int { return sdk.CompareNumbers(b.Score, a.Score) })
	for i, said := 0, 0; i < len(list) && said+len(rules) <= maxReasons; i++ {
		for j := range rules {
			list[i].Reasons = append(list[i].Reasons, rules[j].reason(list[i].Value))
		}
		said += len(rules)
	}
	return list, nil
}

func (r *ready) points(candidate any) float64 {
	if r.Test != "number" {
		if ok, _ := r.Holds(candidate); ok {
			return r.weight
		}
		return 0
	}
	part, _ := r.Of(candidate)
	n, ok := part.(json.Number)
	if !ok {
		return 0
	}
	f, err := n.Float64()
	if err != nil {
		return math.Inf(1) // found out when the score is written
	}
	return f * r.weight
}

// reason says what a rule made of a candidate: "fits +2", "liked 0: likes is missing".
func (r *ready) reason(candidate any) string {
	if r.Test != "number" {
		ok, why := r.Holds(candidate)
		if !ok {
			return r.name + " 0: " + why
		}
		return r.name + " " + signed(r.weight)
	}
	part, there := r.Of(candidate)
	if n, ok := part.(json.Number); ok {
		return r.name + " " + signed(r.points(candidate)) + ": " + string(n) + " × " + strconv.FormatFloat(r.weight, 'g', -1, 64)
	}
	if !there {
		return r.name + " 0: there is no number"
	}
	return r.name + " 0: " + value.Kind(part) + " is no number"
}

func signed(f float64) string {
	n, err := written(f)
	if err != nil || f < 0 {
		return string(n)
	}
	return "+" + string(n)
}

// written rounds to 12 digits, which hides that 0.1 and 0.2 make 0.30000000000000004.
func written(f float64) (json.Number, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return "0", strconv.ErrRange
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 12, 64), 64)
	if rounded == 0 {
		rounded = 0 // not -0
	}
	format := byte('f')
	if a := math.Abs(rounded); a >= 1e15 || a != 0 && a < 1e-6 {
		format = 'e'
	}
	return json.Number(strconv.FormatFloat(rounded, format, -1, 64)), err
}
