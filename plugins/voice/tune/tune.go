// Package tune trains a voice with the programs of GPT-SoVITS or F5-TTS: it lays recordings and what is said in them out as they want
// them, runs their scripts one after the other, tells how far they are, and gives the models that they leave. What was begun in a
// folder is gone on with there.
package tune

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/longrun"
)

// Program is where a trainer is on this machine.
type Program struct {
	Folder string `spin:"folder,optional" doc:"Where its source lies: what git clone made, its models in it"`
	Python string `spin:"python,optional" doc:"The Python that has what it needs; default python3"`
}

// Clip is one recording, a WAV, and what is said in it.
type Clip struct{ Path, Text string }

// Job is one training.
type Job struct {
	Program
	ID       string // letters and digits: the trainer's files go by it, the same for each attempt
	Work     string // its folder, the same for each attempt
	Clips    []Clip
	Language string // as people write it, such as en-us
	Epochs   int
	Batch    int
	Every    int     // epochs between two checkpoints
	Rate     float64 // by how much each step changes the voice; 0: the trainer's own
	Task     *sdk.Task
	// Saved is called when there is something new to go on from.
	Saved func(epoch int) error

	loss  float64
	epoch int
	said  time.Time
}

// Models are the files that speak with the voice, by what the engine calls them.
type Models map[string]string

// Trained is what a training has made.
type Trained struct {
	Models Models
	Epochs int
	Loss   float64 // that was said last; 0: none was
}

// Engines lists the engines whose voices can be trained.
func Engines() []string { return []string{"f5-tts", "gpt-sovits"} }

// Run trains. An error says what the trainer said last.
func Run(ctx context.Context, engine string, j *Job) (Trained, error) {
	if j.Folder == "" {
		return Trained{}, sdk.Refuse("it is not known where "+engine+" is on this machine",
			fmt.Sprintf("get it with git clone %s, on a machine with a GPU, and name its folder: plugin \"voice\" { trainers = { %q = { folder = \"/…\" } } }", source(engine), engine))
	}
	if j.Python == "" {
		j.Python = "python3"
	}
	how := f5
	if engine == "gpt-sovits" {
		how = sovits
	}
	m, err := how(ctx, j)
	if err != nil {
		return Trained{}, err
	}
	for name, path := range m {
		if st, err := os.Stat(path); err != nil || st.Size() == 0 {
			return Trained{}, sdk.Fail(fmt.Sprintf("%s ended well and left no model %s", engine, name), "is it of a version that this plugin knows?")
		}
	}
	return Trained{m, j.epoch, j.loss}, nil
}

func source(engine string) string {
	if engine == "f5-tts" {
		return "https://github.com/SWivid/F5-TTS"
	}
	return "https://github.com/RVC-Boss/GPT-SoVITS"
}

// stage is one of the programs that a training consists of.
type stage struct {
	name string
	args []string
	env  []string
	// from and to are the shares of the whole work that are done before and after it.
	from, to float64
	epochs   int    // that its bars are of; 0: it has none
	saves    string // pattern of what it goes on from
}

// run runs one stage.
func (j *Job) run(ctx context.Context, s stage) error {
	j.Task.Progress(s.from, s.name)
	if s.epochs > 0 {
		j.epoch = 1
	}
	seen, err := newest(s.saves)
	if err != nil {
		return err
	}
	look := func() error {
		at, err := newest(s.saves)
		if err != nil || at == "" || at == seen {
			return err
		}
		seen = at
		return j.Saved(j.epoch)
	}
	return longrun.Run(ctx, longrun.Program{Name: s.name, Args: s.args, Dir: j.Folder, Env: s.env, Look: look, Smaller: "a smaller batch",
		Line: func(text string) { j.hear(s, text) }})
}

var (
	saidEpoch = regexp.MustCompile(`Train Epoch: (\d+)|Epoch (\d+)/\d+|====> Epoch: (\d+)|Epoch (\d+):`)
	saidBar   = regexp.MustCompile(`(\d+)/(\d+) \[`)
	saidLoss  = regexp.MustCompile(`(?:^|[ ,_])loss(?:_step)?=([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)`)
)

// hear takes in one line: an epoch, a bar of it, a loss, or a sentence.
func (j *Job) hear(s stage, text string) {
	bar := saidBar.FindStringSubmatch(text)
	if bar == nil && !strings.Contains(text, "%|") {
		j.Task.Log("info", text)
	}
	if s.epochs == 0 {
		return
	}
	if m := saidEpoch.FindStringSubmatch(text); m != nil {
		n := whole(m[1] + m[2]) // it is under way
		if m[3]+m[4] != "" {
			n = whole(m[3]+m[4]) + 1 // it is over; or they are counted from 0
		}
		j.epoch = min(n, s.epochs)
	}
	if m := saidLoss.FindStringSubmatch(text); m != nil {
		j.loss, _ = strconv.ParseFloat(m[1], 64) // it is a number
	}
	if now := time.Now(); bar != nil && now.Sub(j.said) > 500*time.Millisecond {
		j.said = now
		within := float64(whole(bar[1])) / float64(max(1, whole(bar[2])))
		done := min(1, (float64(max(0, j.epoch-1))+within)/float64(s.epochs))
		sentence := fmt.Sprintf("%s: epoch %d of %d", s.name, j.epoch, s.epochs)
		if j.loss > 0 {
			sentence += fmt.Sprintf(", loss %.4g", j.loss)
		}
		j.Task.Progress(s.from+(s.to-s.from)*done, sentence)
	}
}

func whole(text string) int { n, _ := strconv.Atoi(text); return n } // of digits

// newest gives the file that was written last of those that are like a pattern, with its time; empty: there is none.
func newest(pattern string) (string, error) {
	path, at, err := last(pattern)
	if path == "" {
		return "", err
	}
	return path + at.String(), err
}

func last(pattern string) (best string, at time.Time, err error) {
	all, err := filepath.Glob(pattern)
	for _, p := range all {
		if st, err := os.Stat(p); err == nil && (best == "" || !st.ModTime().Before(at)) {
			best, at = p, st.ModTime()
		}
	}
	return best, at, err
}

// write writes a file of the job's folder and gives its path.
func (j *Job) write(name, text string) (string, error) {
	path := filepath.Join(j.Work, name)
	return path, errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600))
}

// lines gives what is said on one line each: trainers' lists have a clip in each line, parted by |.
func (j *Job) lines(each func(c Clip, text string) string) string {
	out := make([]string, 0, len(j.Clips))
	for _, c := range j.Clips {
		out = append(out, each(c, strings.ReplaceAll(strings.Join(strings.Fields(c.Text), " "), "|", " ")))
	}
	return strings.Join(out, "\n") + "\n"
}

// spoken gives the language as trainers call it, if it is one of theirs.
func (j *Job) spoken(theirs ...string) (string, error) {
	lang := strings.ToLower(strings.SplitN(strings.ReplaceAll(j.Language, "_", "-"), "-", 2)[0])
	if !slices.Contains(theirs, lang) {
		return "", sdk.Refuse(fmt.Sprintf("this engine learns no %q", j.Language), "it learns "+strings.Join(theirs, ", "))
	}
	return lang, nil
}
