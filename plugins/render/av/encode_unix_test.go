//go:build unix

package av

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// TestEncode: NVENC is used where a device was given and it works, and whatever goes wrong with it costs nothing but a warning.
func TestEncode(t *testing.T) {
	for name, c := range map[string]struct {
		script          string // of ffmpeg, whose arguments are in $all
		accel, codec    string
		devices         []string
		encoder, logged string
		with, without   string // of the last run
		fails           string
	}{
		"works":              {script: "", devices: []string{"GPU-1"}, encoder: "h264_nvenc", logged: "encoded by h264_nvenc, decoded by NVDEC", with: "-hwaccel cuda -i in.mp4 -vf x -c:v h264_nvenc"},
		"hevc":               {script: "", devices: []string{"GPU-1"}, codec: "hevc", encoder: "hevc_nvenc", logged: "encoded by hevc_nvenc", with: "-c:v hevc_nvenc"},
		"does not decode":    {script: "case $all in *hwaccel_output*) exit 1;; esac", devices: []string{"GPU-1"}, encoder: "h264_nvenc", logged: "encoded by h264_nvenc", with: "-c:v h264_nvenc", without: "hwaccel"},
		"no device":          {script: "", encoder: "libx264", with: "-c:v libx264", without: "nvenc"},
		"off":                {script: "", accel: "off", devices: []string{"GPU-1"}, encoder: "libx264", with: "-c:v libx264", without: "hwaccel"},
		"hevc off":           {script: "", accel: "off", codec: "hevc", devices: []string{"GPU-1"}, encoder: "libx265", with: "-c:v libx265"},
		"not there":          {script: "case $all in *nvenc*) echo 'Unknown encoder' >&2; exit 1;; esac", devices: []string{"GPU-1"}, encoder: "libx264", logged: "libx264 encodes, since NVENC does not work here: ffmpeg failed: Unknown encoder", with: "-hwaccel cuda -i in.mp4 -vf x -c:v libx264"},
		"neither":            {script: "case $all in *nvenc*|*hwaccel*) exit 1;; esac", devices: []string{"GPU-1"}, encoder: "libx264", logged: "libx264 encodes, since NVENC does not work here", with: "-c:v libx264", without: "hwaccel"},
		"encodes nothing":    {script: "case $all in *trial.mp4) : >\"$last\"; exit 0;; esac", devices: []string{"GPU-1"}, encoder: "libx264", logged: "it encoded nothing", with: "-c:v libx264"},
		"breaks at the film": {script: "case $all in *in.mp4*nvenc*) echo 'No capable devices found' >&2; exit 1;; esac", devices: []string{"GPU-1"}, encoder: "libx264", logged: "libx264 encodes anew, since the GPU could not: ffmpeg failed: No capable devices found", with: "-i in.mp4 -vf x -c:v libx264", without: "hwaccel"},
		"a full disk":        {script: "case $all in *in.mp4*) echo 'No space left on device' >&2; exit 1;; esac", devices: []string{"GPU-1"}, fails: "the disk is full"},
		"nothing works":      {script: "case $all in *in.mp4*) echo 'moov atom not found' >&2; exit 1;; esac", devices: []string{"GPU-1"}, logged: "libx264 encodes anew", fails: "moov atom not found"},
	} {
		dir := fake(t, `for last; do :; done
all="$*"
`+c.script+`
case $last in *.mp4) echo film >"$last";; esac
echo "$all" >>`+"`dirname $0`/args")
		var logged []string
		task := sdk.Task{Devices: c.devices, Scratch: t.TempDir()}
		out := filepath.Join(task.Scratch, "out.mp4")
		film := Film{Before: []string{"-i", "in.mp4", "-vf", "x"}, Codec: c.codec, Accel: c.accel, FFmpeg: FFmpeg{Args: []string{out}},
			Task: task.WithReporter(func(r sdk.Report) { logged = append(logged, r.Message) })}
		encoder, err := film.Encode(t.Context())
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) || c.logged != "" && !strings.Contains(strings.Join(logged, "\n"), c.logged) {
				t.Errorf("%s: %v, logged %q", name, err, logged)
			}
			continue
		}
		raw, _ := os.ReadFile(filepath.Join(dir, "args"))
		runs := strings.Split(strings.TrimSpace(string(raw)), "\n")
		last := runs[len(runs)-1]
		if err != nil || encoder != c.encoder || !strings.Contains(strings.Join(logged, "\n"), c.logged) || c.logged == "" && len(logged) > 0 || !strings.Contains(last, c.with) || c.without != "" && strings.Contains(last, c.without) {
			t.Errorf("%s: %s, %v, logged %q, ran %s", name, encoder, err, logged, last)
		}
		if _, err := film.Encode(t.Context()); err != nil { // what was found out is kept
			t.Error(err)
		}
		raw, _ = os.ReadFile(filepath.Join(dir, "args"))
		if n := strings.Count(string(raw), "testsrc2"); n > 2 {
			t.Errorf("%s: tried %d times", name, n)
		}
	}
}

// TestEncodeStopped: a task that is stopped does not begin anew on the processor.
func TestEncodeStopped(t *testing.T) {
	dir := fake(t, `for last; do :; done
case "$*" in *in.mp4*) echo x >>`+"`dirname $0`/films"+`; sleep 600;; esac
case $last in *.mp4) echo film >"$last";; esac`)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("cancelled by anna")
	task := sdk.Task{Devices: []string{"GPU-1"}, Scratch: t.TempDir()}
	done := make(chan error)
	go func() {
		_, err := Film{Before: []string{"-i", "in.mp4"}, FFmpeg: FFmpeg{Args: []string{"out.mp4"}}, Task: &task}.Encode(ctx)
		done <- err
	}()
	for range time.Tick(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "films")); err == nil || t.Context().Err() != nil {
			break
		}
	}
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Error(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "films")); err != nil || string(raw) != "x\n" {
		t.Errorf("%q, %v", raw, err)
	}
}
