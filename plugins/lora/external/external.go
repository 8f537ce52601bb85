// Package external trains with programs of others: how each is started, its Python, and what it says.
package external

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/meter"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/longrun"
)

// recipe is how a trainer that is a program is started, and how it says how far it is.
type recipe interface {
	// kinds are the kinds that it trains.
	kinds() []string
	// needs is what it needs of Python, as requirements.txt; empty: nothing is installed. With a folder it may be the folder's.
	needs(p job.Program) (requirements string, err error)
	// order writes the trainer's configuration into the job's folder, and says what to run.
	order(j *job.Job, python string) (order, error)
}

// order is a program to run.
type order struct {
	args    []string
	dir     string         // where it runs
	env     []string       // beside the plugin's
	bar     *regexp.Regexp // what stands before its bar of steps
	follow  string         // a file of JSON lines that it writes as it goes; empty: none
	adapter string         // pattern of the adapter; the newest is it
	config  string         // path of adapter_config.json; empty: none
	samples string         // pattern of samples; empty: none
	saves   string         // pattern of what it goes on from after a crash; empty: nothing
}

// External trains with a program.
type External struct{ recipe }

// Check says why it cannot train that, or nil.
func (e External) Check(j *job.Job) error {
	if !slices.Contains(e.kinds(), j.In.Kind) {
		return sdk.Refuse(fmt.Sprintf("the trainer %s trains no models of the kind %s", j.In.Trainer, j.In.Kind), "choose another trainer: spinbot node-types lora.train lists them")
	}
	_, err := e.needs(j.Program)
	return err
}

// Train runs the program. The dataset is unpacked.
func (e External) Train(ctx context.Context, j *job.Job) (job.Trained, error) {
	requirements, err := e.needs(j.Program)
	if err != nil {
		return job.Trained{}, err
	}
	python := j.Program.Python
	if python == "" && requirements != "" {
		if python, err = environment(ctx, j, requirements); err != nil {
			return job.Trained{}, err
		}
	}
	o, err := e.order(j, python)
	if err != nil {
		return job.Trained{}, err
	}
	if filepath.IsAbs(python) { // trainers look for programs such as torchrun, which lie beside their Python
		o.env = append(o.env, "PATH="+filepath.Dir(python)+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if err := run(ctx, j, o); err != nil {
		return job.Trained{}, err
	}
	adapter, err := job.Newest(o.adapter)
	if err != nil {
		return job.Trained{}, err
	}
	if adapter == "" {
		return job.Trained{}, sdk.Fail("the trainer ended well and left no LoRA", "it should be "+filepath.Base(o.adapter)+": is the trainer of a version that this plugin knows?")
	}
	out := job.Trained{Adapter: adapter}
	if o.config != "" && job.Exists(o.config) {
		out.Config = o.config
	}
	if o.samples != "" {
		out.Samples, err = filepath.Glob(o.samples)
	}
	return out, err
}

// listener takes in what a trainer says, line by line, whether a line ends or is drawn over.
type listener struct {
	j       *job.Job
	bar     *regexp.Regexp
	follows bool // a file tells steps and losses; the same in print has no step
}

var (
	barSteps = regexp.MustCompile(`(\d+)/(\d+) \[`)
	saidLoss = regexp.MustCompile(`(?:avr_|train_|step_)?['"]?loss['"]?\s*[=:]\s*['"]?([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)`)
	saidRate = regexp.MustCompile(`['"]?(?:learning_rate|lr)['"]?\s*[=:]\s*['"]?([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)`)
)

// line takes in one line.
func (l *listener) line(text string) {
	var p meter.Point
	bar := barSteps.FindStringSubmatchIndex(text)
	if bar != nil && (l.bar == nil || l.bar.MatchString(text[:bar[0]])) {
		p.Step, _ = strconv.Atoi(text[bar[2]:bar[3]])
		p.Total, _ = strconv.Atoi(text[bar[4]:bar[5]])
	}
	isBar := strings.Contains(text, "%|")
	if p.Total > 0 || !l.follows && strings.HasPrefix(text, "{") && !strings.Contains(text, "train_runtime") { // at its end it tells the mean loss of all steps
		p.Loss, p.Rate = figure(saidLoss, text), figure(saidRate, text)
	}
	switch {
	case p.Total > 0 || p.Loss > 0:
		l.j.Meter.Says(p)
	case !isBar:
		l.j.Task.Log("info", text)
	default: // a bar of something else: that it moves shows that it lives
		l.j.Task.Progress(l.j.Meter.Fraction(), text)
	}
}

func figure(re *regexp.Regexp, text string) float64 {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	f, _ := strconv.ParseFloat(m[1], 64)
	return f
}

// tells takes in a line of a file of JSON lines: LLaMA-Factory's, and that of docs.
func (l *listener) tells(raw []byte) {
	var s struct {
		Step    int     `json:"step"`
		Current int     `json:"current_steps"`
		Total   int     `json:"total"`
		Steps   int     `json:"total_steps"`
		Loss    float64 `json:"loss"`
		Rate    float64 `json:"learning_rate"`
		LR      float64 `json:"lr"`
		Message string  `json:"message"`
		Sample  string  `json:"sample"`
	}
	if json.Unmarshal(raw, &s) != nil {
		return
	}
	if s.Message != "" {
		l.j.Task.Log("info", s.Message)
	}
	if s.Sample != "" && job.Exists(s.Sample) {
		show(l.j, s.Sample)
	}
	if n := max(s.Step, s.Current); n > 0 || s.Loss > 0 {
		l.j.Meter.Says(meter.Point{Step: n, Total: max(s.Total, s.Steps), Loss: s.Loss, Rate: max(s.Rate, s.LR)})
	}
}

// show shows a sample. What a host takes in lies in the task's own folder.
func show(j *job.Job, path string) {
	to := filepath.Join(j.Task.Scratch, "shown-"+filepath.Base(path))
	if job.CopyFile(path, to) == nil { // one that cannot be had is only not seen
		a := sdk.File(to, filepath.Base(path), "")
		j.Task.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &a, Message: "sample"})
	}
}

// sight is how the newest sample looked last time.
type sight struct {
	path  string
	size  int64
	shown bool
}

// look shows the newest sample once it grows no more.
func look(j *job.Job, pattern string, was sight) sight {
	path, err := job.Newest(pattern)
	if err != nil || path == "" {
		return was
	}
	st, err := os.Stat(path)
	if err != nil {
		return was
	}
	now := sight{path: path, size: st.Size()}
	now.shown = was.path == now.path && was.shown
	if !now.shown && now.size > 0 && was.path == now.path && was.size == now.size {
		show(j, path)
		now.shown = true
	}
	return now
}

// run runs a trainer to its end, follows the file of what it says, and notes what it saved.
func run(ctx context.Context, j *job.Job, o order) error {
	l := &listener{j: j, bar: o.bar, follows: o.follow != ""}
	f := follower{path: o.follow}
	var saved string
	var shown sight
	look := func() error {
		f.read(l.tells)
		j.Meter.Tell()
		shown = look(j, o.samples, shown)
		if at, err := job.Newest(o.saves); err == nil && at != "" && at != saved {
			saved = at
			return l.j.Saved(l.j.Meter.Newest.Step)
		}
		return nil
	}
	env := append([]string{"TOKENIZERS_PARALLELISM=false"}, o.env...)
	for _, k := range slices.Sorted(maps.Keys(j.Program.Env)) {
		env = append(env, k+"="+j.Program.Env[k])
	}
	return longrun.Run(ctx, longrun.Program{Name: "the trainer", Args: o.args, Dir: o.dir, Env: env, Line: l.line, Look: look, Smaller: "a smaller batch, resolution, length or rank"})
}

// follower reads what a file gets more of.
type follower struct {
	path string
	at   int64
	rest []byte
}

func (f *follower) read(line func([]byte)) {
	if f.path == "" {
		return
	}
	file, err := os.Open(f.path)
	if err != nil {
		return // not yet
	}
	defer file.Close()
	if _, err := file.Seek(f.at, io.SeekStart); err != nil {
		return
	}
	more, err := io.ReadAll(io.LimitReader(file, 16<<20))
	if err != nil {
		return
	}
	f.at += int64(len(more))
	f.rest = append(f.rest, more...)
	for {
		l, rest, found := bytes.Cut(f.rest, []byte("\n"))
		if !found {
			return
		}
		line(l)
		f.rest = rest
	}
}

// Named gives a trainer by its name.
func Named(name string) External {
	switch name {
	case "peft":
		return External{peft{}}
	case "axolotl":
		return External{axolotl{}}
	case "llama-factory":
		return External{factory{}}
	case "kohya":
		return External{kohya{}}
	case "ai-toolkit":
		return External{toolkit{}}
	case "diffusers":
		return External{diffusers{}}
	default:
		return External{command{}}
	}
}
