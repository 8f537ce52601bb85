package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// recipe is how a trainer that is a program is started, and how it says how far it is.
type recipe interface {
	// kinds are the kinds that it trains.
	kinds() []string
	// needs is what it needs of Python, as requirements.txt; empty: nothing is installed. With a folder it may be the folder's.
	needs(p program) (requirements string, err error)
	// order writes the trainer's configuration into the job's folder, and says what to run.
	order(j *job, python string) (order, error)
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

// external trains with a program.
type external struct{ recipe }

func (e external) check(j *job) error {
	if !slices.Contains(e.kinds(), j.in.Kind) {
		return sdk.Refuse(fmt.Sprintf("the trainer %s trains no models of the kind %s", j.in.Trainer, j.in.Kind), "choose another trainer: spinbot node-types lora.train lists them")
	}
	_, err := e.needs(j.program)
	return err
}

func (e external) train(ctx context.Context, j *job) (trained, error) {
	requirements, err := e.needs(j.program)
	if err != nil {
		return trained{}, err
	}
	python := j.program.Python
	if python == "" && requirements != "" {
		if python, err = environment(ctx, j, requirements); err != nil {
			return trained{}, err
		}
	}
	o, err := e.order(j, python)
	if err != nil {
		return trained{}, err
	}
	if err := run(ctx, j, o); err != nil {
		return trained{}, err
	}
	adapter, err := newest(o.adapter)
	if err != nil {
		return trained{}, err
	}
	if adapter == "" {
		return trained{}, sdk.Fail("the trainer ended well and left no LoRA", "it should be "+filepath.Base(o.adapter)+": is the trainer of a version that this plugin knows?")
	}
	out := trained{adapter: adapter}
	if o.config != "" && exists(o.config) {
		out.config = o.config
	}
	if o.samples != "" {
		out.samples, err = filepath.Glob(o.samples)
	}
	return out, err
}

// newest gives the file that was written last of those that are like a pattern; empty: there is none.
func newest(pattern string) (string, error) {
	all, err := filepath.Glob(pattern)
	if err != nil {
		return "", err
	}
	best, at := "", time.Time{}
	for _, p := range all {
		if st, err := os.Stat(p); err == nil && (best == "" || !st.ModTime().Before(at)) {
			best, at = p, st.ModTime()
		}
	}
	return best, nil
}

const (
	grace     = 20 * time.Second // that a trainer gets to save when it is told to stop
	lastLines = 40               // of what it said, for the error
)

// listener takes in what a trainer says, line by line, whether a line ends or is drawn over.
type listener struct {
	j   *job
	bar *regexp.Regexp

	mu   sync.Mutex
	last []string
	oom  bool
}

var (
	barSteps = regexp.MustCompile(`(\d+)/(\d+) \[`)
	saidLoss = regexp.MustCompile(`(?:avr_|train_|step_)?['"]?loss['"]?\s*[=:]\s*['"]?([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)`)
	saidRate = regexp.MustCompile(`['"]?(?:learning_rate|lr)['"]?\s*[=:]\s*['"]?([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)`)
	full     = regexp.MustCompile(`(?i)cuda out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|HIP out of memory|MPS backend out of memory`)
)

// line takes in one line.
func (l *listener) line(text string) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "�"))
	if text == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last = append(l.last, text); len(l.last) > lastLines {
		l.last = l.last[1:]
	}
	l.oom = l.oom || full.MatchString(text)
	var p point
	bar := barSteps.FindStringSubmatchIndex(text)
	if bar != nil && (l.bar == nil || l.bar.MatchString(text[:bar[0]])) {
		p.Step, _ = strconv.Atoi(text[bar[2]:bar[3]])
		p.Total, _ = strconv.Atoi(text[bar[4]:bar[5]])
	}
	isBar := strings.Contains(text, "%|")
	if p.Total > 0 || strings.HasPrefix(text, "{") {
		p.Loss, p.Rate = figure(saidLoss, text), figure(saidRate, text)
	}
	switch {
	case p.Total > 0 || p.Loss > 0:
		l.j.meter.says(p)
	case !isBar:
		l.j.task.Log("info", text)
	default: // a bar of something else: that it moves shows that it lives
		l.j.task.Progress(l.j.meter.fraction(), text)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Message != "" {
		l.j.task.Log("info", s.Message)
	}
	if s.Sample != "" && exists(s.Sample) {
		a := sdk.File(s.Sample, filepath.Base(s.Sample), "")
		l.j.task.Report(sdk.Report{Kind: sdk.ReportPreview, Preview: &a})
	}
	if n := max(s.Step, s.Current); n > 0 || s.Loss > 0 {
		l.j.meter.says(point{Step: n, Total: max(s.Total, s.Steps), Loss: s.Loss, Rate: max(s.Rate, s.LR)})
	}
}

// run runs a trainer to its end. One that is told to stop gets some time to save.
func run(ctx context.Context, j *job, o order) error {
	l := &listener{j: j, bar: o.bar}
	cmd := exec.Command(o.args[0], o.args[1:]...) // not of the context: it is told to stop first
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1", "TOKENIZERS_PARALLELISM=false")
	cmd.Env = append(cmd.Env, o.env...)
	for _, k := range slices.Sorted(maps.Keys(j.program.Env)) {
		cmd.Env = append(cmd.Env, k+"="+j.program.Env[k])
	}
	ownGroup(cmd)
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_ = w.Close() // the program has its own
	if err != nil {
		return sdk.Refuse(fmt.Sprintf("%s cannot be started: %v", o.args[0], err), "see the trainer's folder, python or command in the plugin's configuration")
	}
	defer endGroup(cmd)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		s := bufio.NewScanner(r)
		s.Buffer(nil, 1<<20)
		s.Split(byLineOrReturn)
		for s.Scan() {
			l.line(s.Text())
		}
		_, _ = io.Copy(io.Discard, r) // a line too long must not stop it
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err = watch(ctx, cmd, ended, l, o)
	endGroup(cmd) // what it left would keep the pipe open
	<-heard
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.failure(err)
}

// watch waits for the end, follows the file of what it says, and notes what it saved.
func watch(ctx context.Context, cmd *exec.Cmd, ended <-chan error, l *listener, o order) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	f := follower{path: o.follow}
	stop, kill := ctx.Done(), (<-chan time.Time)(nil)
	var saved string
	look := func() error {
		f.read(l.tells)
		if at, err := newest(o.saves); err == nil && at != "" && at != saved {
			saved = at
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.j.saved(l.j.meter.newest.Step)
		}
		return nil
	}
	for {
		select {
		case err := <-ended:
			return errors.Join(err, look())
		case <-stop:
			stop, kill = nil, time.After(grace)
			askGroup(cmd)
		case <-kill:
			endGroup(cmd)
		case <-tick.C:
			if err := look(); err != nil {
				return err
			}
		}
	}
}

// failure says why a trainer ended badly.
func (l *listener) failure(err error) error {
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	detail := strings.Join(l.last, "\n")
	if l.oom {
		return &sdk.Error{Cause: sdk.CauseOOM, Message: "the trainer ran out of device memory", Hint: "use a smaller batch, resolution, length or rank, or a larger device", Detail: detail}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	last := "it said nothing"
	for _, line := range slices.Backward(l.last) {
		if !strings.Contains(line, "%|") {
			last = line
			break
		}
	}
	return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("the trainer ended with %s: %s", exit, last), Hint: "its last lines are in the details", Detail: detail}
}

// byLineOrReturn splits at \n and at \r: bars are drawn over.
func byLineOrReturn(data []byte, atEnd bool) (int, []byte, error) {
	if i := bytes.IndexAny(data, "\r\n"); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEnd && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
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
