package music

import (
	"bytes"
	"math"
	"slices"
	"testing"
)

func TestCompose(t *testing.T) {
	t.Parallel()
	for _, m := range []Mood{Calm, Bright} {
		a, b, c := Compose(m, 1), Compose(m, 1), Compose(m, 2)
		if !slices.Equal(a.Left, b.Left) || !slices.Equal(a.Right, b.Right) {
			t.Errorf("%s: the same seed gives other music", m)
		}
		if slices.Equal(a.Left, c.Left) {
			t.Errorf("%s: another seed gives the same music", m)
		}
		if s := a.Seconds(); s < 20 || s > 60 {
			t.Errorf("%s: a loop of %.1f s", m, s)
		}
		var most, step float64
		for i, x := range a.Left {
			most = max(most, math.Abs(float64(x)))
			if i > 0 {
				step = max(step, math.Abs(float64(x-a.Left[i-1])))
			}
		}
		if most == 0 || most > 0.5001 {
			t.Errorf("%s: its peak is %v", m, most)
		}
		if seam := math.Abs(float64(a.Left[0] - a.Left[len(a.Left)-1])); seam > step {
			t.Errorf("%s: the seam jumps by %v, within it by at most %v", m, seam, step)
		}
	}
}

func TestWriteWAV(t *testing.T) {
	t.Parallel()
	l := &Loop{[]float32{0, 1, -2}, []float32{0.5, 0, 0}}
	var b bytes.Buffer
	if err := l.WriteWAV(&b); err != nil {
		t.Fatal(err)
	}
	want := "RIFF\x30\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x44\xac\x00\x00\x10\xb1\x02\x00\x04\x00\x10\x00data\x0c\x00\x00\x00" +
		"\x00\x00\xff\x3f\xff\x7f\x00\x00\x01\x80\x00\x00"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}
