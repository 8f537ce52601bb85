//go:build unix

package longrun

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

func script(body string, line func(string)) Program {
	return Program{Name: "the trainer", Args: []string{"sh", "-c", body}, Line: line, Smaller: "a smaller batch"}
}

// TestRun: lines that end, and bars that are drawn over; what is said last without an end.
func TestRun(t *testing.T) {
	t.Parallel()
	var said []string
	looks := 0
	p := script(`printf '  0%%| 0/2\r 50%%| 1/2\r100%%| 2/2\n'; echo "py $PYTHONUNBUFFERED $MORE" >&2; printf '\33[32mgreen\33[0m\33[A\n\377end'`, func(s string) { said = append(said, s) })
	p.Env, p.Look = []string{"MORE=yes"}, func() error { looks++; return nil }
	if err := Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0%| 0/2", "50%| 1/2", "100%| 2/2", "py 1 yes", "green", "�end"}; !slices.Equal(said, want) || looks == 0 {
		t.Errorf("said %q, looked %d times", said, looks)
	}
}

// TestRunSlow: the bar of a step is heard while the next step takes its time, not when that is done.
func TestRunSlow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "next")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := os.OpenFile(path, os.O_RDWR, 0) // to write alone would wait for a reader
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	var said []string
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err = Run(ctx, script(`printf '\r  0%%|          | 0/2 [00:00<?, ?it/s]'; read x < `+path+`; printf '\r 50%%|#####     | 1/2 [00:01<00:01,  1.00s/it, loss=[1]]  '; read x < `+path+`; echo`, func(s string) {
		said = append(said, s)
		if _, err := next.WriteString("go\n"); err != nil {
			t.Error(err)
		}
	}))
	if want := []string{"0%|          | 0/2 [00:00<?, ?it/s]", "50%|#####     | 1/2 [00:01<00:01,  1.00s/it, loss=[1]]"}; err != nil || !slices.Equal(said, want) {
		t.Errorf("%v, said %q", err, said)
	}
}

// TestRunFails: dying, running out of memory, not being there, and being refused by who looks.
func TestRunFails(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"exit 3": "the trainer ended with exit status 3: it said nothing",
		`echo why; printf ' 5%%|#\r'; kill -9 $$`:                                    "the trainer ended with signal: killed: why",
		"echo 'torch.OutOfMemoryError: CUDA out of memory. Tried'; echo bye; exit 1": "the trainer ran out of device memory",
		`echo 'ValueError: why'; printf 'Steps: 0%%|  | 0/10 [00:00<?, ?it/s]\nTraceback (most recent call last):\n  main()\nsubprocess.CalledProcessError: Command [python, train.py] returned non-zero exit status 1.\n'; exit 1`: "the trainer ended with exit status 1: ValueError: why",
		"echo 'subprocess.CalledProcessError: Command'; exit 1":                             "exit status 1: subprocess.CalledProcessError",
		"head -c 3000000 /dev/zero | tr '\\0' x; echo; echo after such a long line; exit 4": "exit status 4",
	} {
		err := Run(t.Context(), script(body, nil))
		var e *sdk.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, want) || e.Permanent || e.Hint == "" || (e.Cause == sdk.CauseOOM) != strings.Contains(want, "memory") {
			t.Errorf("%s: %#v", body, err)
		}
	}
	if err := Run(t.Context(), Program{Args: []string{"/nowhere/trainer"}}); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Error(err)
	}
	p := script("sleep 600", nil)
	full := errors.New("the disk is full")
	p.Look = func() error { return full }
	if err := Run(t.Context(), p); !errors.Is(err, full) {
		t.Error(err)
	}
}

// TestRunStopped: it is asked first, so that it saves; what it started ends with it.
func TestRunStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	var said []string
	err := Run(ctx, script(`trap 'echo saves; exit 0' TERM; echo begun; sleep 600 & wait`, func(s string) {
		if said = append(said, s); s == "begun" {
			cancel(errors.New("enough"))
		}
	}))
	if err == nil || err.Error() != "enough" || !slices.Equal(said, []string{"begun", "saves"}) {
		t.Errorf("%v, said %q", err, said)
	}
}
