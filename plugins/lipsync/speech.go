package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// bound is what an engine wants of the speech. It says it in a voice of its own, quieter and of 16 kHz: the film gets the speech as it is.
type bound struct {
	seconds float64  // shorter speech it refuses: it gets silence after it, and the film is cut
	short   []string // arguments for speech that short
	// clip and more are the seconds of film of its first clip and of each after it. A bar is drawn for each.
	clip, more float64
}

// clips is how many clips a film has.
func (b bound) clips(seconds float64) int {
	if seconds < b.seconds {
		return 1
	}
	return 1 + int(math.Ceil((seconds-b.clip)/b.more))
}

// clips is how far an engine is that draws a bar for each clip of a film.
type clips struct {
	all, done int
	last      float64 // share of the clip that is made
}

var clipBar = regexp.MustCompile(`^\d+%\|.*\| (\d+)/(\d+) \[`)

// share reads a line: how much of the film is made, -1 where it is not known.
func (c *clips) share(line string) float64 {
	m := clipBar.FindStringSubmatch(line)
	if m == nil || c.all == 0 {
		return -1
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	of, _ := strconv.ParseFloat(m[2], 64)
	now := n / max(1, of)
	if now < c.last {
		c.done++
	}
	c.last = now
	return min(1, (float64(c.done)+now)/float64(c.all))
}

// fill gives the speech as WAV, with silence up to what the engine takes, and how long it is without.
func (b bound) fill(ctx context.Context, a sdk.Artifact, dir string) (path string, seconds float64, err error) {
	if _, seconds, err = listen(ctx, a); err != nil {
		return "", 0, err
	}
	path = filepath.Join(dir, "heard.wav")
	args := []string{"-i", a.Path, "-t", strconv.Itoa(maxSeconds), "-map", "0:a:0"}
	if seconds < b.seconds {
		args = append(args, "-af", fmt.Sprintf("apad=whole_dur=%.2f", b.seconds+0.1))
	}
	return path, seconds, ffmpeg(ctx, append(args, "-c:a", "pcm_s16le", path), func(io.Writer) error { return nil })
}

// spoken gives the film the speech as it is, and its length.
func (b bound) spoken(ctx context.Context, film string, a sdk.Artifact, seconds float64) (string, error) {
	path := filepath.Join(filepath.Dir(film), "spoken.mp4")
	pictures := []string{"-c:v", "copy"}
	if seconds < b.seconds { // pictures that are only copied are not cut between any two
		pictures = []string{"-c:v", "libx264", "-preset", "slow", "-crf", "15", "-pix_fmt", "yuv420p"}
	}
	args := append([]string{"-i", film, "-i", a.Path, "-map", "0:v:0", "-map", "1:a:0"}, pictures...)
	return path, ffmpeg(ctx, append(args, "-c:a", "aac", "-b:a", "160k", "-t", strconv.FormatFloat(seconds, 'f', 3, 64), "-movflags", "+faststart", path), func(io.Writer) error { return nil })
}

// there says which of the models that an engine is told by arguments are not there: it would say so minutes later, in words of its own.
func (e engine) there(name string, p program, args []string) error {
	var missing []string
	for i, a := range args {
		if !slices.Contains(e.named, a) || i+1 == len(args) || slices.Contains(args[i+1:], a) || e.unless[a] != "" && slices.Contains(args, e.unless[a]) { // the last one counts
			continue
		}
		path := args[i+1]
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.Folder, path)
		}
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			missing = append(missing, path)
		}
	}
	if missing == nil {
		return nil
	}
	return sdk.Refuse(name+" lacks models: there is no "+strings.Join(missing, ", no "), "get them as "+e.source+" says, or name where they are: args = [\""+e.named[0]+"\", \"/…\"]")
}
