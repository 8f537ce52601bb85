package profile

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/plugins/voice/audio"
	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/plugins/voice/timing"
)

// Excerpt gives the voice with so many seconds of its sample at most, and what is said in them. It ends where the longest pause is.
func (p Profile) Excerpt(ctx context.Context, dir string, most float64) (Profile, error) {
	raw, err := os.ReadFile(p.Sample)
	if err != nil {
		return p, err
	}
	s, err := audio.ReadWAV(raw)
	if err != nil || s.Seconds() <= most {
		return p, err
	}
	words := timing.Words(ctx, p.Transcript, p.Language, s)
	last, longest := -1, -1.0
	for i, w := range words {
		if w.End > most || i == len(words)-1 {
			break
		}
		pause := words[i+1].Start - w.End
		if last < 0 || w.End >= most/2 && pause >= longest { // of pauses as long, the later
			last, longest = i, pause
		}
	}
	if last < 0 {
		return p, ctx.Err() // one long word: the engine says what it thinks of it
	}
	said := make([]string, 0, last+1)
	for _, w := range words[:last+1] {
		said = append(said, w.Text)
	}
	until := min(most, words[last].End+max(0, longest)/2)
	s.Samples = slices.Clone(s.Samples[:int(until*float64(s.Rate))])
	p.Transcript, p.Sample = strings.Join(said, " "), filepath.Join(dir, "excerpt.wav")
	return p, program.WriteFile(p.Sample, s.WAV())
}
