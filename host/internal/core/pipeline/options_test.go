package pipeline_test

import (
	"fmt"
	"testing"
)

// TestOptions: what a variable may be is told where its validation says so plainly, and nowhere else.
func TestOptions(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		`contains(["gpu", "cpu"], var.x)`:                 "[gpu cpu]",
		`contains([1, 2.5, 18446744073709551615], var.x)`: "[1 2.5 18446744073709551615]",
		`contains([upper("a")], var.x)`:                   "[]",
		`contains([true], var.x)`:                         "[]",
		`contains([null], var.x)`:                         "[]",
		`contains(["a"], "a")`:                            "[]",
		`!contains(["a"], var.x)`:                         "[]",
		`length(var.x) > 2`:                               "[]",
		`contains(["a"], var.x) || var.x == "b"`:          "[]",
	} {
		p := loaded(t, fmt.Sprintf("pipeline \"p\" {}\nvariable \"x\" {\n  type = any\n  validation {\n    condition = %s\n    message = \"no\"\n  }\n}\n", condition))
		if got := fmt.Sprint(p.Variables[0].Options()); got != want {
			t.Errorf("%s: got %s, want %s", condition, got, want)
		}
	}
}
