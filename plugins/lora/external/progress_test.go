//go:build unix

package external

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/plugins/lora/meter"
	"github.com/myspinbot/spinbot/sdk"
)

// TestProgress: what real trainers print, as lines or drawn over, is understood.
func TestProgress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bar  string
		said string
		want meter.Point
	}{
		"kohya":      {`^steps:`, "running training / 学習開始\n  num batches per epoch / 1epochのバッチ数: 10\ncaching latents:  50%|█████     | 5/10 [00:01<00:01,  4.8it/s]\rsteps:   1%|          | 10/1000 [00:12<20:10,  1.22s/it, avr_loss=0.123]\r", meter.Point{Step: 10, Total: 1000, Loss: 0.123}},
		"ai-toolkit": {`^lora:`, "lora:   0%|          | 0/2000 [00:00<?, ?it/s]\rlora:   1%|          | 20/2000 [00:40<1:06:00,  2.00s/it, lr: 1.0e-04 loss: 3.456e-01]\n", meter.Point{Step: 20, Total: 2000, Loss: 0.3456, Rate: 1e-4}},
		"diffusers":  {`^Steps:`, "Map: 100%|██████████| 25/25 [00:00<00:00, 99.00 examples/s]\nSteps:   2%|▏         | 10/500 [00:11<09:05,  1.11s/it, loss=0.1, lr=0.0001]\r", meter.Point{Step: 10, Total: 500, Loss: 0.1, Rate: 1e-4}},
		"axolotl":    {`^\s*\d+%\|`, "  3%|▎         | 3/100 [00:03<01:40,  1.03s/it]\r{'loss': 1.23, 'grad_norm': 0.5, 'learning_rate': 2e-4, 'epoch': 0.1}\n", meter.Point{Step: 3, Total: 100, Loss: 1.23, Rate: 2e-4}},
		"quoted":     {`^\s*\d+%\|`, "  4%|▍         | 4/100 [00:04<01:36,  1.00s/it]\n{'loss': '1.5', 'grad_norm': '0.5', 'learning_rate': '0.0002', 'epoch': '0.1'}\n", meter.Point{Step: 4, Total: 100, Loss: 1.5, Rate: 2e-4}},
		"summary":    {`^\s*\d+%\|`, "{'loss': 1.1468, 'grad_norm': 0.09094911068677902, 'learning_rate': 0.01, 'epoch': 60.0}\n{'train_runtime': 47.6988, 'train_samples_per_second': 5.032, 'train_steps_per_second': 1.258, 'train_loss': 1.7821891049544016, 'epoch': 60.0}\n", meter.Point{Loss: 1.1468, Rate: 0.01}},
		"no number":  {`^steps:`, "steps:   1%|          | 10/1000 [00:12<20:10,  1.22s/it, avr_loss=nan]\n", meter.Point{Step: 10, Total: 1000}},
		"not a bar":  {`^steps:`, "loading 3/5 [ok]\nepoch 1/10\n", meter.Point{}},
	} {
		var task sdk.Task
		task.Scratch = t.TempDir()
		j := &job.Job{Task: &task}
		j.Meter = meter.New(j.Task, filepath.Join(t.TempDir(), "log"))
		l := &listener{j: j, bar: regexp.MustCompile(c.bar)}
		for _, line := range strings.FieldsFunc(c.said, func(r rune) bool { return r == '\r' || r == '\n' }) {
			l.line(strings.TrimSpace(line))
		}
		got := j.Meter.Newest
		got.Seconds = 0
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// TestRecorded: what trainers said in real runs of docs/engines.md, byte by byte, with bars that are drawn over; and the same where each bar has a
// line of its own, or nothing has. Two tell their steps in a file, which was recorded, too.
func TestRecorded(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]meter.Point{
		"peft":          {Step: 60, Total: 60, Loss: 1.1468, Rate: 0.01},
		"axolotl":       {Step: 60, Total: 60, Loss: 1.147, Rate: 0.01},
		"llama-factory": {Step: 60, Total: 60, Loss: 1.0168, Rate: 0.01},
		"kohya":         {Step: 10, Total: 10, Loss: 0.951},
		"diffusers":     {Step: 10, Total: 10, Loss: 1.16, Rate: 0.001},
		"ai-toolkit":    {Step: 10, Total: 10, Loss: 1.036, Rate: 0.001},
	} {
		said := read(t, filepath.Join("..", "testdata", name+".txt"))
		for form, text := range map[string]string{"as recorded": said, "lines": strings.ReplaceAll(said, "\r", "\n"), "bars": strings.ReplaceAll(said, "\n", "\r")} {
			task := sdk.Task{Scratch: t.TempDir()}
			j := &job.Job{Task: &task, Program: job.Program{Folder: t.TempDir()}, Work: t.TempDir(), Base: "base", In: job.Input{Trainer: name, Family: "sd15", Batch: 1}}
			j.Meter = meter.New(j.Task, filepath.Join(t.TempDir(), "log"))
			if err := os.Mkdir(j.Data(), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(j.Data(), "a.png"), "")
			write(t, filepath.Join(j.Data(), "a.txt"), "a text")
			o, err := Named(name).order(j, "python")
			if err != nil {
				t.Fatal(err)
			}
			recorded := j.Out("said")
			write(t, recorded, text)
			o.args = []string{"cat", recorded}
			if o.follow != "" {
				if err := os.MkdirAll(filepath.Dir(o.follow), 0o700); err != nil {
					t.Fatal(err)
				}
				write(t, o.follow, read(t, filepath.Join("..", "testdata", name+".jsonl")))
			}
			if err := run(t.Context(), j, o); err != nil {
				t.Fatal(err)
			}
			got := j.Meter.Newest
			got.Seconds = 0
			if got != want {
				t.Errorf("%s, %s: %+v, want %+v", name, form, got, want)
			}
		}
	}
}

// TestPrintedToo: of a trainer whose file tells its steps, what it prints as well is no step 0 of 0.
func TestPrintedToo(t *testing.T) {
	t.Parallel()
	task := sdk.Task{Scratch: t.TempDir()}
	j := &job.Job{}
	j.Task = task.WithReporter(func(r sdk.Report) {
		if r.Kind != sdk.ReportLog {
			t.Errorf("%+v", r)
		}
	})
	j.Meter = meter.New(j.Task, filepath.Join(t.TempDir(), "log"))
	l := &listener{j: j, bar: regexp.MustCompile(`^\b$`), follows: true}
	l.line("{'loss': 5.641, 'grad_norm': 1.9, 'learning_rate': 0.01, 'epoch': 1.0}")
	if j.Meter.Newest.Loss != 0 {
		t.Errorf("%+v", j.Meter.Newest)
	}
}

// TestSamples: the newest sample is shown once, when it is whole, from the task's own folder.
func TestSamples(t *testing.T) {
	t.Parallel()
	var shown []string
	task := sdk.Task{Scratch: t.TempDir()}
	j := &job.Job{}
	j.Task = task.WithReporter(func(r sdk.Report) {
		raw, err := os.ReadFile(r.Preview.Path)
		if err != nil || filepath.Dir(r.Preview.Path) != task.Scratch {
			t.Errorf("%s: %v", r.Preview.Path, err)
		}
		shown = append(shown, r.Preview.Name+" "+string(raw))
	})
	dir := t.TempDir()
	var s sight
	for _, step := range []string{"", "a.png half", "a.png whole", "", "", "b.png next", "", ""} {
		if name, text, ok := strings.Cut(step, " "); ok {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s = look(j, filepath.Join(dir, "*.png"), s)
	}
	if got := strings.Join(shown, ", "); got != "a.png whole, b.png next" {
		t.Errorf("shown: %s", got)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
