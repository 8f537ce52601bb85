package meter

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// TestMeter: what is said of steps becomes a sentence, a fraction and a smoothed loss.
func TestMeter(t *testing.T) {
	t.Parallel()
	var said []sdk.Report
	task := sdk.Task{Scratch: t.TempDir()}
	m := New(task.WithReporter(func(r sdk.Report) { said = append(said, r) }), filepath.Join(t.TempDir(), "log.jsonl"))
	now := m.began.Add(time.Hour) // that a model is loaded says nothing of how long a step takes
	m.now = func() time.Time { return now }
	for i := range 100 {
		now = now.Add(time.Second)
		m.Says(Point{Step: i + 1, Total: 400, Loss: 1 / float64(i+1), Rate: 1e-4})
	}
	last := said[len(said)-1]
	if want := "step 100 of 400, loss 0.01, learning rate 0.0001, about 5m left"; said[len(said)-2].Message != want && last.Message != want {
		t.Errorf("%q", last.Message)
	}
	if m.Fraction() != 0.25 || m.Loss() < 0.01 || m.Loss() > 0.0105 {
		t.Errorf("%v, %v", m.Fraction(), m.Loss())
	}
	curves := slices.DeleteFunc(slices.Clone(said), func(r sdk.Report) bool { return r.Kind != sdk.ReportCurve })
	if n := len(curves); n != 50 || len(curves[n-1].Curve.X) != 99 || curves[n-1].Curve.Y[0] != 1 || !curves[n-1].Curve.Whole() {
		t.Errorf("%d live curves", n)
	}
	if n := len(slices.DeleteFunc(said, func(r sdk.Report) bool { return r.Kind != sdk.ReportPreview })); n != 10 {
		t.Errorf("%d curves", n)
	}
}

// TestTell: what came too soon after what was told is told when there is time, once.
func TestTell(t *testing.T) {
	t.Parallel()
	var told []string
	task := sdk.Task{Scratch: t.TempDir()}
	m := New(task.WithReporter(func(r sdk.Report) {
		if r.Kind == sdk.ReportProgress {
			told = append(told, r.Message)
		}
	}), filepath.Join(t.TempDir(), "log.jsonl"))
	m.now = func() time.Time { return m.began }
	m.Says(Point{Step: 1, Total: 4})
	m.Says(Point{Step: 1, Total: 4, Loss: 0.5})
	m.Tell()
	m.Tell()
	if want := []string{"step 1 of 4", "step 1 of 4, loss 0.5"}; !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

// TestAbout: the time that is left is told in round numbers: a real trainer's first steps had it at 9m44.9338577s.
func TestAbout(t *testing.T) {
	t.Parallel()
	for want, left := range map[string]time.Duration{"0s": 1e8, "25s": 25300 * time.Millisecond, "1m": 59900 * time.Millisecond, "9m40s": 584933857700, "3m": 179 * time.Second, "1h13m": 73*time.Minute + 5*time.Second, "48h0m": 48 * time.Hour} {
		if got := about(left); got != want {
			t.Errorf("%s is about %s, want %s", left, got, want)
		}
	}
}
