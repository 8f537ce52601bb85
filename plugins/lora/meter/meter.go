// Package meter tells how a training goes: step, loss, learning rate and the time that is left, as sentences, as a log and as a curve.
package meter

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Point is what a trainer says of one step.
type Point struct {
	Step    int     `json:"step"`
	Total   int     `json:"total"`
	Loss    float64 `json:"loss,omitempty"` // 0: not said
	Rate    float64 `json:"learning_rate,omitempty"`
	Seconds float64 `json:"seconds"` // since this attempt began
}

// Meter tells a task's reader how the training goes, and keeps what was said: a line for each step, and a curve.
type Meter struct {
	task   *sdk.Task
	Log    string // path of the log; an earlier attempt's is gone on with
	began  time.Time
	first  Point // what was said first of this attempt: before it a model is loaded, which may take longer than many steps
	all    []Point
	Newest Point // what was said last, with what it left out
	told   time.Time
	untold bool // what was said last is not told yet
	drawn  time.Time
	curved time.Time
	now    func() time.Time
}

const (
	tellEvery  = 500 * time.Millisecond
	curveEvery = 2 * time.Second
	drawEvery  = 10 * time.Second
)

// New makes one, whose log lies at a path.
func New(t *sdk.Task, log string) *Meter {
	m := &Meter{task: t, Log: log, now: time.Now}
	m.began = m.now()
	m.drawn = m.began
	return m
}

// Resume takes in what an earlier attempt said up to a step.
func (m *Meter) Resume(step int) error {
	f, err := os.Open(m.Log)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var p Point
		if json.Unmarshal(s.Bytes(), &p) == nil && p.Step <= step {
			m.all = append(m.all, p)
		}
	}
	return nil
}

// Says takes what a trainer says. What it leaves out stays as it was.
func (m *Meter) Says(p Point) {
	if p.Total == 0 {
		p.Total = m.Newest.Total
	}
	if p.Rate == 0 {
		p.Rate = m.Newest.Rate
	}
	if p.Step == 0 {
		p.Step = m.Newest.Step
	}
	now := m.now()
	p.Seconds = now.Sub(m.began).Seconds()
	if p.Loss != 0 && !math.IsNaN(p.Loss) && !math.IsInf(p.Loss, 0) {
		if n := len(m.all); n > 0 && m.all[n-1].Step == p.Step {
			m.all[n-1] = p
		} else {
			m.all = append(m.all, p)
		}
	} else {
		p.Loss = m.Newest.Loss
	}
	m.Newest = p
	if m.first.Total == 0 {
		m.first = p
	}
	if m.untold = now.Sub(m.told) < tellEvery && p.Step < p.Total; !m.untold {
		m.tell(now)
	}
}

// Tell tells what was said last, if that came too soon after what was told: a trainer may say the loss of a step a moment after the step, and
// then nothing for minutes.
func (m *Meter) Tell() {
	if m.untold {
		m.tell(m.now())
	}
}

func (m *Meter) tell(now time.Time) {
	m.told, m.untold = now, false
	m.task.Progress(m.Fraction(), m.sentence())
	if now.Sub(m.curved) >= curveEvery || m.Newest.Step == m.Newest.Total {
		m.curved = now
		m.tellCurve()
	}
	if now.Sub(m.drawn) >= drawEvery {
		m.drawn = now
		if a, err := m.Curve(m.task.Scratch, "curve.png"); err == nil { // one that cannot be drawn is only not seen
			m.task.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &a, Message: "loss"})
		}
	}
}

// tellCurve tells how the loss has gone so far.
func (m *Meter) tellCurve() {
	x, y := make([]float64, len(m.all)), make([]float64, len(m.all))
	for i, p := range m.all {
		x[i], y[i] = float64(p.Step), p.Loss
	}
	if slices.IsSorted(x) && len(x) > 0 {
		m.task.Curve("loss", x, y)
	}
}

// Seconds is how long this attempt has taken.
func (m *Meter) Seconds() float64 { return m.now().Sub(m.began).Seconds() }

// Fraction is how much of the training is done; below 0: nobody says.
func (m *Meter) Fraction() float64 {
	if m.Newest.Total == 0 {
		return -1
	}
	return min(1, float64(m.Newest.Step)/float64(m.Newest.Total))
}

// about is a time as people say it: 40s, 9m40s, 1h12m.
func about(left time.Duration) string {
	unit := time.Second
	switch {
	case left >= 20*time.Minute:
		unit = time.Minute
	case left >= time.Minute:
		unit = 10 * time.Second
	}
	text := left.Round(unit).String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// sentence is how far it is: "step 120 of 1000, loss 0.123, learning rate 0.0001, about 3m left".
func (m *Meter) sentence() string {
	p := m.Newest
	out := fmt.Sprintf("step %d of %d", p.Step, p.Total)
	if p.Loss != 0 {
		out += fmt.Sprintf(", loss %.4g", p.Loss)
	}
	if p.Rate != 0 {
		out += fmt.Sprintf(", learning rate %.3g", p.Rate)
	}
	if done := p.Step - m.first.Step; done > 0 && p.Step < p.Total {
		left := time.Duration((p.Seconds - m.first.Seconds) / float64(done) * float64(p.Total-p.Step) * float64(time.Second))
		out += fmt.Sprintf(", about %s left", about(left))
	}
	return out
}

// Keep writes what was said to the log.
func (m *Meter) Keep() error {
	f, err := os.CreateTemp(filepath.Dir(m.Log), ".log-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for _, p := range m.all {
		if err := e.Encode(p); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), m.Log)
}

// Loss is the last one, smoothed over the last twentieth of what was said: a step's own jumps about.
func (m *Meter) Loss() float64 {
	n := len(m.all)
	if n == 0 {
		return 0
	}
	last := m.all[n-max(1, n/20):]
	var sum float64
	for _, p := range last {
		sum += p.Loss
	}
	return sum / float64(len(last))
}

const curveWidth, curveHeight, curveEdge = 640, 240, 12

// Curve draws the losses over the steps: each as it was, pale, and smoothed. Its scale is logarithmic.
func (m *Meter) Curve(dir, name string) (sdk.Artifact, error) {
	img := image.NewNRGBA(image.Rect(0, 0, curveWidth, curveHeight))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range m.all {
		if p.Loss > 0 {
			low, high = min(low, math.Log(p.Loss)), max(high, math.Log(p.Loss))
		}
	}
	if high-low < 1e-6 {
		low, high = low-1, high+1
	}
	last := 1
	if n := len(m.all); n > 0 {
		last = max(last, m.all[n-1].Step, m.Newest.Total)
	}
	at := func(step int, loss float64) (x, y float64) {
		x = curveEdge + float64(step)/float64(last)*(curveWidth-2*curveEdge)
		return x, curveEdge + (high-math.Log(loss))/(high-low)*(curveHeight-2*curveEdge)
	}
	for i := range 5 {
		y := curveEdge + i*(curveHeight-2*curveEdge)/4
		for x := curveEdge; x < curveWidth-curveEdge; x++ {
			img.Set(x, y, color.NRGBA{228, 231, 236, 255})
		}
	}
	var smooth float64
	for i, p := range m.all {
		if p.Loss <= 0 {
			continue
		}
		was := smooth
		if smooth = 0.9*smooth + 0.1*p.Loss; was == 0 {
			smooth = p.Loss
			continue
		}
		q := m.all[i-1]
		if q.Loss > 0 {
			x0, y0 := at(q.Step, q.Loss)
			x1, y1 := at(p.Step, p.Loss)
			stroke(img, x0, y0, x1, y1, 1, color.NRGBA{168, 190, 235, 255})
		}
		x0, y0 := at(q.Step, was)
		x1, y1 := at(p.Step, smooth)
		stroke(img, x0, y0, x1, y1, 2, color.NRGBA{37, 88, 200, 255})
	}
	path := filepath.Join(dir, name)
	f, err := os.Create(path)
	if err != nil {
		return sdk.Artifact{}, err
	}
	if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
		return sdk.Artifact{}, err
	}
	return sdk.File(path, name, "image/png"), nil
}

// stroke draws a line of a width in pixels.
func stroke(img *image.NRGBA, x0, y0, x1, y1 float64, width int, c color.Color) {
	n := int(max(math.Abs(x1-x0), math.Abs(y1-y0))) + 1
	for i := range n + 1 {
		x, y := int(x0+(x1-x0)*float64(i)/float64(n)), int(y0+(y1-y0)*float64(i)/float64(n))
		for dx := range width {
			for dy := range width {
				img.Set(x+dx, y+dy, c)
			}
		}
	}
}
