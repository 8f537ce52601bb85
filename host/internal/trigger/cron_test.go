package trigger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/eval"
)

// cronFile is a pipeline with one trigger, whose runs say when they were due.
func cronFile(schedule, more string) string {
	return `variable "at" {}
output "at" {
  value = var.at
}
trigger "cron" "c" {
  schedule = "` + schedule + `"
  inputs   = { at = formatdate("MM-DD'T'hh:mm:ss", trigger.time) }
  ` + more + `
}
`
}

const berlin = `timezone = "Europe/Berlin"`

// TestCron: each schedule fires when it is due, to the second, over changes of the clock too.
func TestCron(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		begin, schedule, more string
		pass                  time.Duration
		want                  string
	}{
		{"2026-03-01T00:00:00Z", "0 3 * * *", "", 72 * time.Hour, "03-01T03:00:00 03-02T03:00:00 03-03T03:00:00"},
		{"2026-03-01T03:00:00Z", "0 3 * * *", "", 3 * time.Hour, ""}, // it was not there before
		{"2026-03-28T12:00:00Z", "30 2 * * *", berlin, 48 * time.Hour, "03-29T03:00:00 03-30T02:30:00"},
		{"2026-10-24T12:00:00Z", "30 2 * * *", berlin, 48 * time.Hour, "10-25T02:30:00 10-26T02:30:00"},
		{"2026-10-24T23:31:00Z", "0 * * * *", berlin, 3 * time.Hour, "10-25T02:00:00 10-25T02:00:00 10-25T03:00:00"},
		{"2026-03-01T00:00:00.5Z", "@every 90m", "", 5 * time.Hour, "03-01T01:30:00 03-01T03:00:00 03-01T04:30:00"},
		{"2026-03-01T00:00:00Z", "@every 1s", "", 4 * time.Second, "03-01T00:00:01 03-01T00:00:02 03-01T00:00:03 03-01T00:00:04"},
	} {
		t.Run(c.schedule+" "+c.begin, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.begin, cronFile(c.schedule, c.more))
				r.runs.hook = func(run Run) {
					if late := r.cfg.Now().Sub(r.records["film/c"].due()); late != 0 {
						t.Errorf("%s fires %s late", run.ID, late)
					}
					r.runs.over[run.ID] = true
				}
				r.serve()
				time.Sleep(c.pass)
				synctest.Wait()
				r.halt()
				r.want("fired", c.want)
				for _, run := range r.runs.all() {
					if run.Owner != "trigger:c" {
						t.Errorf("owner %s", run.Owner)
					}
				}
			})
		})
	}
}

// due is the time of the fire that is under way.
func (r *record) due() time.Time { return r.shown.Load().Intent.Time }

// TestRestart: whatever a host missed fires once with catch_up, and is skipped aloud without; what is not late is on time.
func TestRestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, more string
		down       time.Duration // from 02:00
		want, log  string
	}{
		{"short", "", 30 * time.Minute, "03-02T03:00:00", ""},
		{"late by seconds", "", time.Hour + 40*time.Second, "03-02T03:00:00", ""},
		{"missed", "", 3 * time.Hour, "", "trigger missed"},
		{"missed days", "", 73 * time.Hour, "03-05T03:00:00", "fires once"}, // the last is due now
		{"caught up", "catch_up = true", 3 * time.Hour, "03-02T03:00:00", "fires once"},
		{"caught up once", "catch_up = true", 75 * time.Hour, "03-05T03:00:00", "fires once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2026-03-02T01:00:00Z", cronFile("0 3 * * *", c.more))
				r.serve()
				time.Sleep(time.Hour)
				r.halt()
				time.Sleep(c.down)
				r.serve()
				time.Sleep(45 * time.Minute)
				synctest.Wait()
				r.halt()
				r.serve() // a restart soon after changes nothing
				time.Sleep(10 * time.Second)
				r.halt()
				r.want("fired", c.want)
				if log := r.log.String(); !strings.Contains(log, c.log) || c.log == "" && strings.Contains(log, "WARN") {
					t.Errorf("the log says %q", log)
				}
				if s := r.status(); c.want == "" && (s.Skipped.IsZero() || s.Why == "") {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestCrash: a host that dies while it fires, before or after the run is made, makes the run once.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, die := range map[string]func(f *fakeRuns){
		"before the run": func(f *fakeRuns) { f.fail = errors.New("killed") },
		"after the run":  func(f *fakeRuns) { f.lose = errors.New("killed") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "2026-03-01T02:59:00Z", cronFile("0 3 * * *", ""))
				die(r.runs)
				r.serve()
				time.Sleep(61 * time.Second)
				synctest.Wait()
				if s := r.status(); s.Error != "killed" || s.LastRun != "" {
					t.Errorf("%+v", s)
				}
				r.halt()
				r.runs.set(func(f *fakeRuns) { f.fail, f.lose = nil, nil })
				time.Sleep(time.Hour) // however long it takes: the fire had begun
				r.serve()
				time.Sleep(time.Hour)
				synctest.Wait()
				r.halt()
				r.want("fired", "03-01T03:00:00")
				if s := r.status(); s.Error != "" || s.LastRun != "run_1" || !s.Next.Equal(time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)) {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// TestTriesAgain: while no run can be made the fire is tried at each look, and made once.
func TestTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-03-01T02:59:00Z", cronFile("0 3 * * *", ""))
		r.runs.fail = errors.New("the journal is gone")
		r.serve()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		r.runs.set(func(f *fakeRuns) {
			f.fail = nil
			if f.asked < 15 {
				t.Errorf("asked %d times", f.asked)
			}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		r.halt()
		r.want("fired", "03-01T03:00:00")
	})
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	t.Run("skip", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "2026-03-01T00:30:00Z", cronFile("0 * * * *", ""))
			r.serve()
			time.Sleep(3 * time.Hour)
			r.want("while it goes on", "03-01T01:00:00")
			if s := r.status(); !s.Skipped.Equal(time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)) || s.Why != "run_1 was still going" || s.LastRun != "run_1" {
				t.Errorf("%+v", s)
			}
			r.halt()
			r.serve() // it goes on after a restart too
			time.Sleep(time.Hour)
			r.end("run_1")
			time.Sleep(time.Hour)
			synctest.Wait()
			r.halt()
			r.want("once it has ended", "03-01T01:00:00 03-01T05:00:00")
		})
	})
	t.Run("queue", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "2026-03-01T00:30:00Z", cronFile("0 * * * *", `overlap = "queue"`))
			r.serve()
			time.Sleep(3 * time.Hour)
			r.want("while it goes on", "03-01T01:00:00")
			if s := r.status(); s.Waiting != 2 {
				t.Errorf("%+v", s)
			}
			r.end("run_1")
			synctest.Wait() // at once, not at the next look
			r.want("the first has ended", "03-01T01:00:00 03-01T02:00:00")
			r.halt()
			r.serve()
			time.Sleep(time.Second)
			r.end("run_nobody")
			synctest.Wait()
			r.want("the second goes on", "03-01T01:00:00 03-01T02:00:00")
			r.runs.set(func(f *fakeRuns) { f.over["run_2"] = true }) // nobody tells
			time.Sleep(time.Hour)
			r.end("run_3")
			synctest.Wait()
			r.halt()
			r.want("all", "03-01T01:00:00 03-01T02:00:00 03-01T03:00:00 03-01T04:00:00")
		})
	})
	t.Run("too many wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "2026-03-01T00:30:00Z", cronFile("@every 1s", `overlap = "queue"`))
			r.serve()
			time.Sleep(time.Duration(maxWaiting+20) * time.Second)
			synctest.Wait()
			r.halt()
			if s := r.status(); s.Waiting != maxWaiting || !strings.Contains(s.Why, "were waiting already") {
				t.Errorf("%+v", s)
			}
		})
	})
}

// TestEdits: a schedule that is written anew begins anew, new triggers are found, and what is taken away stops.
func TestEdits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-03-01T02:00:00Z", cronFile("0 3 * * *", "catch_up = true"))
		r.runs.hook = func(run Run) { r.runs.over[run.ID] = true }
		r.serve()
		time.Sleep(10 * time.Hour)
		r.pipeline(cronFile("0 10 * * *", "catch_up = true")) // today at ten is past
		time.Sleep(time.Hour)
		r.want("a new schedule", "03-01T03:00:00")
		r.pipeline(cronFile("30 14 * * *", "catch_up = true"))
		time.Sleep(2 * time.Hour)
		r.want("another", "03-01T03:00:00 03-01T14:30:00")
		r.mu.Lock()
		r.sources = []Source{{"film", nil}}
		r.mu.Unlock()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		r.halt()
		r.want("out of use", "03-01T03:00:00 03-01T14:30:00")
		if all, err := r.List(t.Context()); len(all) != 0 || err != nil {
			t.Errorf("%v %v", all, err)
		}
	})
}

// TestBadInputs: a trigger whose inputs cannot be evaluated, or whose file is gone, fails that time and goes on.
func TestBadInputs(t *testing.T) {
	t.Parallel()
	for what, more := range map[string]string{
		`variable "x"`: "variable \"x\" {\n  default = null\n  validation {\n    condition = var.x == \"y\"\n    message = \"no\"\n  }\n}\n" +
			"trigger \"cron\" \"c\" {\n  schedule = \"@hourly\"\n  inputs = { x = trigger.name }\n}\n",
		"trigger.c: ":          "variable \"x\" {}\ntrigger \"cron\" \"c\" {\n  schedule = \"@hourly\"\n  inputs = { x = tonumber(trigger.time) }\n}\n",
		`artifact("gone.png")`: "variable \"x\" {}\ntrigger \"cron\" \"c\" {\n  schedule = \"@hourly\"\n  inputs = { x = artifact(\"gone.png\") }\n}\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "2026-03-01T12:30:00Z", more)
			r.serve()
			time.Sleep(2 * time.Hour)
			synctest.Wait()
			r.halt()
			s := r.status()
			if !strings.Contains(s.Error, what) || !s.Failed.Equal(time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)) || len(r.runs.all()) > 0 || s.LastRun != "" {
				t.Errorf("%s: %+v", what, s)
			}
		})
	}
}

// TestOneTimer: between fires there is a look every quarter of a minute, and nothing else.
func TestOneTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-03-01T12:00:00Z", cronFile("0 3 * * *", ""))
		looks := 0
		look := r.cfg.Pipelines
		r.cfg.Pipelines = func(ctx context.Context) ([]Source, error) { looks++; return look(ctx) }
		r.Triggers = New(r.cfg)
		r.serve()
		time.Sleep(time.Hour)
		synctest.Wait()
		r.halt()
		if looks > 4*60+2 {
			t.Errorf("%d looks", looks)
		}
	})
}

// TestDamagedRecord: it is said, and nothing fires before a person has decided.
func TestDamagedRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-03-01T12:30:00Z", cronFile("@hourly", ""))
		file := filepath.Join(r.cfg.Dir, "film", "c.json")
		if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("{"), 0o600)); err != nil {
			t.Fatal(err)
		}
		r.serve()
		time.Sleep(time.Hour)
		if s := r.status(); !strings.Contains(s.Error, "remove it") || !strings.Contains(r.log.String(), "remove it") {
			t.Errorf("%+v", s)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		r.halt()
		r.want("afterwards", "03-01T14:00:00")
	})
}

// TestFire: a person fires whatever the schedule says, and what is wrong is told.
func TestFire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "2026-03-01T12:30:00Z", cronFile("@hourly", "")+`
secret "hook" {}
trigger "webhook" "w" {
  secret = secret.hook
  inputs = { at = trigger.body.at }
}
`)
		for _, c := range []struct {
			pipeline, trigger string
			event             eval.TriggerEvent
			want              error
			text              string
		}{
			{"film", "c", eval.TriggerEvent{}, nil, ""},
			{"film", "c", eval.TriggerEvent{}, nil, ""}, // the last one goes on
			{"film", "w", eval.TriggerEvent{Body: map[string]any{"at": "now"}}, nil, ""},
			{"film", "d", eval.TriggerEvent{}, ErrUnknown, `did you mean "c"?`},
			{"fim", "c", eval.TriggerEvent{}, ErrUnknown, `did you mean "film"?`},
			{"broken", "c", eval.TriggerEvent{}, ErrOutOfUse, "out of use"},
		} {
			id, err := r.Fire(t.Context(), c.pipeline, c.trigger, "ada", c.event)
			if !errors.Is(err, c.want) || (err == nil) != (id != "") || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s/%s: %s, %v", c.pipeline, c.trigger, id, err)
			}
		}
		r.want("fired", "03-01T12:30:00 03-01T12:30:00 now")
		if last := r.runs.all()[2]; last.Owner != "ada" {
			t.Errorf("%+v", last)
		}
		_, err := r.Fire(t.Context(), "film", "w", "ada", eval.TriggerEvent{})
		var input *InputError
		if s := r.status("w"); !errors.As(err, &input) || s.Error != err.Error() || s.LastRun != "run_3" || !s.Next.IsZero() {
			t.Errorf("%v %+v", err, s)
		}
	})
}
