package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/loud"
	"github.com/myspinbot/spinbot/sdk"
)

type filmIn struct {
	Scenes []filmScene `spin:"scenes" max:"60" doc:"The clips in their order, each with what is said in it"`
	Music  string      `spin:"music" default:"calm" enum:"calm|bright|none" doc:"Music made for the film, quiet under the speech"`
	Seed   int         `spin:"seed" default:"1" min:"0" max:"1000000" doc:"Equal seeds give equal music"`
	Cross  float64     `spin:"cross_fade" default:"0.4" min:"0" max:"3" doc:"Length of a cross-fade in seconds; 0 cuts hard"`
	Lead   float64     `spin:"lead" default:"0.45" min:"0" max:"5" doc:"Seconds of a clip before its speech begins; render.clip leaves 0.45"`
	LUFS   float64     `spin:"loudness" default:"-14" min:"-30" max:"-8" doc:"Loudness to reach, in LUFS (EBU R128)"`
	Accel  string      `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
	Poster int         `spin:"poster" default:"1" min:"0" max:"59" doc:"Scene that the thumbnail shows, from 0"`
}

type filmScene struct {
	Video sdk.Artifact  `spin:"video" accept:"video/*" doc:"Its clip"`
	Audio *sdk.Artifact `spin:"audio,optional" accept:"audio/*" doc:"What is said in it"`
	Words []word        `spin:"words,optional" max:"5000" doc:"When each word is said, for the captions file"`
}

type filmOut struct {
	Video     sdk.Artifact `spin:"video" accept:"video/mp4" doc:"The film: H.264 and AAC, ready to stream"`
	Captions  sdk.Artifact `spin:"captions" accept:"application/x-subrip" doc:"What is said and when, as SRT"`
	Thumbnail sdk.Artifact `spin:"thumbnail" accept:"image/jpeg" doc:"A picture for lists of films"`
	Seconds   float64      `spin:"seconds" doc:"Duration"`
	Width     int          `spin:"width" doc:"Pixels"`
	Height    int          `spin:"height" doc:"Pixels"`
	Loudness  float64      `spin:"loudness" doc:"Loudness reached, in LUFS"`
	Encoder   string       `spin:"encoder" doc:"What encoded it, such as libx264 or h264_nvenc"`
}

func filmNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.film", Description: "Joins clips with cross-fades, lays speech and music under them, evens the loudness and writes captions and a thumbnail.",
		Revision: "3", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "Shots and their speech", HCL: "node \"render.film\" \"film\" {\n  scenes = [for i, s in node.plan.scenes : {\n    video = node.shot[i].video\n    audio = node.speech[i].audio\n    words = node.speech[i].words\n  }]\n}"}},
	}, runFilm)
}

// film is one being made.
type film struct {
	in     filmIn
	t      *sdk.Task
	clips  []av.Facts
	starts []float64 // when each clip begins
	total  float64
}

// The parts of the progress bar.
const (
	mixed   = 0.12
	encoded = 0.97
)

func runFilm(ctx context.Context, in filmIn, t *sdk.Task) (out filmOut, err error) {
	if len(in.Scenes) == 0 {
		return out, sdk.Refuse("there is no scene to make a film of", "give render.film at least one, or skip it with when")
	}
	f := &film{in: in, t: t}
	if err := f.look(ctx); err != nil {
		return out, err
	}
	f.layOut()
	sound, measured, err := f.mix(ctx)
	if err != nil {
		return out, err
	}
	master, err := loud.Master(ctx, []string{"-i", sound}, measured, f.in.LUFS, t.Scratch)
	if err != nil {
		return out, err
	}
	video := filepath.Join(t.Scratch, "film.mp4")
	encoder, err := f.encode(ctx, sound, master, video)
	if err != nil {
		return out, err
	}
	captions := filepath.Join(t.Scratch, "film.srt")
	if err := av.WriteFile(captions, []byte(f.srt())); err != nil {
		return out, err
	}
	thumb := filepath.Join(t.Scratch, "thumbnail.jpg")
	if err := f.thumbnail(ctx, video, thumb); err != nil {
		return out, err
	}
	level, err := loud.Measure(ctx, []string{"-i", video}, "", t.Scratch)
	if err != nil {
		return out, err
	}
	return filmOut{
		Video: sdk.File(video, "film.mp4", "video/mp4"), Captions: sdk.File(captions, "film.srt", "application/x-subrip"), Thumbnail: sdk.File(thumb, "thumbnail.jpg", "image/jpeg"),
		Seconds: math.Round(f.total*1000) / 1000, Width: f.clips[0].Width, Height: f.clips[0].Height, Loudness: level.LUFS(), Encoder: encoder,
	}, nil
}

// look learns about the clips and the speech, and refuses what cannot be joined.
func (f *film) look(ctx context.Context) error {
	for i, s := range f.in.Scenes {
		p, err := av.Probe(ctx, s.Video.Path, s.Video.Name)
		if err != nil {
			return err
		}
		if p.Video == "" || p.Seconds <= 0 || p.FPS <= 0 {
			return sdk.Refuse(fmt.Sprintf("%s of scene %d has no moving pictures", av.Quoted(s.Video.Name), i), "give the video of a render.clip")
		}
		f.clips = append(f.clips, p)
		if s.Audio == nil {
			continue
		}
		a, err := av.Probe(ctx, s.Audio.Path, s.Audio.Name)
		if err != nil {
			return err
		}
		if a.Audio == "" || a.Seconds <= 0 {
			return sdk.Refuse(fmt.Sprintf("%s of scene %d has no sound", av.Quoted(s.Audio.Name), i), "give the audio of a voice.say, or leave it out")
		}
		if over := f.in.Lead + a.Seconds - p.Seconds; over > 0.05 {
			f.t.Log("warn", fmt.Sprintf("speech of scene %d is %.1f s longer than its clip and runs into the next", i, over))
		}
	}
	return nil
}

// layOut finds when each clip begins: they overlap by the cross-fade, which is never over half of a clip.
func (f *film) layOut() {
	for _, c := range f.clips {
		f.in.Cross = min(f.in.Cross, c.Seconds/2)
	}
	if f.in.Cross < 2/f.clips[0].FPS {
		f.in.Cross = 0
	}
	at := 0.0
	for _, c := range f.clips {
		f.starts = append(f.starts, at)
		at += c.Seconds - f.in.Cross
	}
	f.total = at + f.in.Cross
}

// said is when speech of scene i begins.
func (f *film) said(i int) float64 { return f.starts[i] + f.in.Lead }

const fadeOut = 0.7 // seconds at the end of the film

// encode makes the film in one pass over the clips and the mixed sound.
func (f *film) encode(ctx context.Context, sound, master, out string) (string, error) {
	var args []string
	for _, s := range f.in.Scenes {
		args = append(args, "-i", s.Video.Path)
	}
	filter := f.pictures() + fmt.Sprintf("[%d:a]%s,aresample=48000[a]", len(f.in.Scenes), master)
	args = append(args, "-i", sound, "-filter_complex", filter, "-map", "[v]", "-map", "[a]")
	after := []string{"-pix_fmt", "yuv420p", "-profile:v", "high", "-g", strconv.Itoa(int(4 * f.clips[0].FPS)),
		"-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709",
		"-c:a", "aac", "-b:a", "192k", "-t", num(f.total), "-movflags", "+faststart", "-map_metadata", "-1", out}
	return av.Film{Before: args, Accel: f.in.Accel, Task: f.t, FFmpeg: av.FFmpeg{Args: after, Seconds: f.total, Scratch: f.t.Scratch, Report: func(done float64) {
		f.t.Progress(mixed+(encoded-mixed)*done, fmt.Sprintf("encoding %.0f of %.0f s", done*f.total, f.total))
	}}}.Encode(ctx)
}

// pictures is the filter graph that joins the clips; the first one sets size and rate.
func (f *film) pictures() string {
	var b strings.Builder
	first := f.clips[0]
	for i, c := range f.clips {
		fmt.Fprintf(&b, "[%d:v]", i)
		if c.Width != first.Width || c.Height != first.Height {
			fmt.Fprintf(&b, "scale=%[1]d:%[2]d:force_original_aspect_ratio=decrease,pad=%[1]d:%[2]d:-1:-1,", first.Width, first.Height)
		}
		fmt.Fprintf(&b, "fps=%s,format=yuv420p,setsar=1,settb=AVTB[c%d];", num(first.FPS), i)
	}
	last := "c0"
	for i := 1; i < len(f.clips); i++ {
		next := fmt.Sprintf("x%d", i)
		if f.in.Cross > 0 {
			fmt.Fprintf(&b, "[%s][c%d]xfade=transition=fade:duration=%s:offset=%s[%s];", last, i, num(f.in.Cross), num(f.starts[i]), next)
		} else {
			fmt.Fprintf(&b, "[%s][c%d]concat[%s];", last, i, next)
		}
		last = next
	}
	d := min(fadeOut, f.total/3)
	fmt.Fprintf(&b, "[%s]fade=t=out:st=%s:d=%s[v];", last, num(f.total-d), num(d))
	return b.String()
}

func (f *film) thumbnail(ctx context.Context, video, out string) error {
	i := min(f.in.Poster, len(f.clips)-1)
	at := f.starts[i] + 0.7*(f.clips[i].Seconds-f.in.Cross)
	_, err := av.FFmpeg{Scratch: f.t.Scratch, Args: []string{"-ss", num(at), "-i", video, "-frames:v", "1", "-vf", "scale='min(1280,iw)':-2:flags=lanczos:in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc,format=yuvj420p", "-q:v", "3", out}}.Run(ctx)
	return err
}

func num(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }
