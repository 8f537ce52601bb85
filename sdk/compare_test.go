package sdk

import (
	"encoding/json"
	"testing"
)

func TestNumbersCompareExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b json.Number
		want int
	}{
		{"1.50", "15e-1", 0}, {"0.0", "-0", 0}, {"-2", "-1", -1}, {"18446744073709551615", "18446744073709551614", 1},
		{"0.1", "0.1000000000000000000001", -1}, {"1e999999999", "1e999999998", 1},
	} {
		if got := CompareNumbers(c.a, c.b); got != c.want {
			t.Errorf("%s to %s: %d, want %d", c.a, c.b, got, c.want)
		}
		if same := CanonicalNumber(c.a) == CanonicalNumber(c.b); same != (c.want == 0) {
			t.Errorf("%s and %s become %s and %s", c.a, c.b, CanonicalNumber(c.a), CanonicalNumber(c.b))
		}
	}
	if !IsWhole("3.0") || !IsWhole("3e2") || IsWhole("3.5") || IsNumber("007") || !IsNumber("-1.5e3") {
		t.Error("what is a number, and a whole one, is wrong")
	}
	a, b := map[string]any{"n": []any{json.Number("1.0")}}, map[string]any{"n": []any{json.Number("1")}}
	if !EqualValues(a, b) || EqualValues(a, map[string]any{"n": []any{"1"}}) {
		t.Error("values compare wrongly")
	}
}
