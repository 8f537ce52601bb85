package audio

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/myspinbot/spinbot/plugins/voice/program"
	"github.com/myspinbot/spinbot/sdk"
)

// Listen reads a recording of any form. Other forms than WAV are ffmpeg's.
func Listen(ctx context.Context, a sdk.Artifact, dir string) (Sound, error) {
	raw, err := os.ReadFile(a.Path)
	if err != nil {
		return Sound{}, err
	}
	s, err := ReadWAV(raw)
	if err != nil && len(raw) >= 4 && string(raw[:4]) != "RIFF" {
		if program.Look("ffmpeg") != nil {
			return Sound{}, sdk.Refuse(fmt.Sprintf("%s is no WAV file, and ffmpeg is not installed", a.Name), "give a WAV file, or install it: apt-get install ffmpeg")
		}
		path := filepath.Join(dir, "listened.wav")
		if _, err := program.Run(ctx, nil, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", a.Path, "-map", "0:a:0", "-ac", "1", "-c:a", "pcm_s16le", path); err != nil {
			if ctx.Err() != nil {
				return Sound{}, context.Cause(ctx)
			}
			return Sound{}, sdk.Refuse(a.Name+" cannot be heard: "+err.Error(), "give a recording of speech: WAV, MP3, M4A, OGG, FLAC or a film with sound")
		}
		if raw, err = os.ReadFile(path); err == nil {
			s, err = ReadWAV(raw)
		}
	}
	if err != nil {
		return Sound{}, sdk.Refuse(a.Name+": "+err.Error(), "give a recording of speech")
	}
	if len(s.Samples) == 0 {
		return Sound{}, sdk.Refuse(a.Name+" has no sound in it", "give a recording of speech")
	}
	return s, nil
}
