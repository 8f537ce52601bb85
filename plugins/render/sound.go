package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/loud"
	"github.com/myspinbot/spinbot/plugins/render/music"
)

// mix lays speech and music over one another into a WAV file of the film's length, and measures how loud it is.
func (f *film) mix(ctx context.Context) (path string, m loud.Level, err error) {
	f.t.Progress(0, "mixing speech and music")
	var args []string
	var b strings.Builder
	voices := 0
	for i, s := range f.in.Scenes {
		if s.Audio == nil {
			continue
		}
		args = append(args, "-i", s.Audio.Path)
		fmt.Fprintf(&b, "[%d:a]aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=mono,adelay=%d[s%d];", voices, int(f.said(i)*1000), voices)
		voices++
	}
	if voices > 0 {
		for i := range voices {
			fmt.Fprintf(&b, "[s%d]", i)
		}
		fmt.Fprintf(&b, "amix=inputs=%d:normalize=0:dropout_transition=0,apad=whole_dur=%s,%s,asplit[voice][key];", voices, num(f.total), warm)
	}
	loop, err := f.music()
	if err != nil {
		return "", m, err
	}
	if loop != "" {
		args = append(args, "-stream_loop", "-1", "-i", loop)
		fmt.Fprintf(&b, "[%d:a]aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo,atrim=0:%s,asetpts=PTS-STARTPTS,volume=-9dB[bed];", voices, num(f.total))
	}
	b.WriteString(f.bus(voices > 0, loop != ""))
	end := min(1.8, f.total/3)
	fmt.Fprintf(&b, "atrim=0:%s,afade=t=in:d=0.25,afade=t=out:st=%s:d=%s,asplit[out][gauge];[gauge]%s,anullsink", num(f.total), num(f.total-end), num(end), loud.Gauge)
	path = filepath.Join(f.t.Scratch, "mix.wav")
	args = append(args, "-filter_complex", b.String(), "-map", "[out]", "-c:a", "pcm_s24le", path)
	stderr, err := av.FFmpeg{Args: args, Seconds: f.total, Scratch: f.t.Scratch,
		Report: func(done float64) { f.t.Progress(mixed*done, "mixing speech and music") }}.Run(ctx)
	if err != nil {
		return "", m, err
	}
	m, err = loud.Read(stderr)
	return path, m, err
}

// warm makes synthetic speech easier on the ear: no rumble, a little body, less hiss, an even level, a small room.
const warm = "highpass=f=75,equalizer=f=180:t=q:w=1:g=2,equalizer=f=3200:t=q:w=1.2:g=1.5,lowpass=f=11000," +
	"acompressor=threshold=-22dB:ratio=3:attack=6:release=140:makeup=4dB,alimiter=limit=0.8:level=false," +
	"aecho=0.9:0.9:23|41:0.07|0.05,aformat=channel_layouts=stereo"

// bus joins speech and music, the music ducked while someone speaks.
func (f *film) bus(speech, bed bool) string {
	switch {
	case speech && bed:
		return "[bed][key]sidechaincompress=threshold=0.02:ratio=5:attack=90:release=650:knee=4[low];[voice][low]amix=inputs=2:normalize=0:dropout_transition=0,"
	case speech:
		return "[key]anullsink;[voice]"
	case bed:
		return "[bed]"
	}
	return "anullsrc=r=48000:cl=stereo,"
}

// music writes the film's music, or gives "" when there is none.
func (f *film) music() (string, error) {
	if f.in.Music == "none" {
		return "", nil
	}
	path := filepath.Join(f.t.Scratch, "music.wav")
	out, err := os.Create(path)
	if err != nil {
		return "", av.DiskError(err, f.t.Scratch)
	}
	defer out.Close()
	if err := music.Compose(music.Mood(f.in.Music), uint64(f.in.Seed)).WriteWAV(out); err != nil {
		return "", av.DiskError(err, f.t.Scratch)
	}
	return path, av.DiskError(out.Close(), f.t.Scratch)
}
