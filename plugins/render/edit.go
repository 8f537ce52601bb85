package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
)

type upscaleIn struct {
	Media  sdk.Artifact `spin:"media" accept:"image/*|video/*" doc:"A picture or a film"`
	Factor int          `spin:"factor" default:"2" min:"2" max:"4" doc:"How much larger"`
	Engine string       `spin:"engine" default:"ffmpeg" enum:"ffmpeg|realesrgan" doc:"ffmpeg makes up nothing; realesrgan draws details that look right, with the program realesrgan-ncnn-vulkan"`
	Accel  string       `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
	Model  string       `spin:"model" default:"realesrgan-x4plus" doc:"Of realesrgan" pattern:"^[A-Za-z0-9._-]+$"`
}

type upscaleOut struct {
	Media   sdk.Artifact `spin:"media" doc:"The larger one: PNG, or H.264"`
	Width   int          `spin:"width" doc:"Pixels"`
	Height  int          `spin:"height" doc:"Pixels"`
	Encoder string       `spin:"encoder" doc:"What encoded it, such as libx264 or h264_nvenc; empty: it is a picture"`
}

func upscaleNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.upscale", Description: "Makes a picture or a film larger, by ffmpeg or by Real-ESRGAN.", Revision: "2", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "A film twice as large", HCL: "node \"render.upscale\" \"large\" {\n  media = node.talk.video\n}"}},
	}, runUpscale)
}

func runUpscale(ctx context.Context, in upscaleIn, t *sdk.Task) (out upscaleOut, err error) {
	p, err := av.Probe(ctx, in.Media.Path, in.Media.Name)
	if err != nil {
		return out, err
	}
	out.Width, out.Height = p.Width*in.Factor, p.Height*in.Factor
	if p.Width == 0 || out.Width*out.Height > av.MaxPixels {
		return out, sdk.Refuse(fmt.Sprintf("%s would have %d by %d pixels", av.Quoted(in.Media.Name), out.Width, out.Height), "give a picture or a film, and a smaller factor: at most 100 million pixels are made")
	}
	isFilm := p.Seconds > 0 && p.FPS > 0 && !strings.Contains(p.Format, "pipe") && p.Format != "image2" && p.Format != "gif"
	if isFilm {
		out.Width, out.Height = out.Width/2*2, out.Height/2*2
	}
	f := av.FFmpeg{Seconds: p.Seconds, Scratch: t.Scratch, Report: func(f float64) { t.Progress(f, "making it larger") }}
	from := av.Input(in.Media.Path)
	if in.Engine == "realesrgan" {
		if from, err = drawnLarger(ctx, in, p, isFilm, t); err != nil {
			return out, err
		}
	}
	scale := fmt.Sprintf("scale=%d:%d:flags=lanczos", out.Width, out.Height)
	if !isFilm {
		path := filepath.Join(t.Scratch, "larger.png")
		f.Args = append(from, "-map", "0:v:0", "-frames:v", "1", "-vf", scale, "-update", "1", path)
		out.Media = sdk.File(path, "larger.png", "image/png")
		_, err = f.Run(ctx)
		return out, err
	}
	path := filepath.Join(t.Scratch, "larger.mp4")
	f.Args = append(from, "-map", "0:v:0")
	if in.Engine == "realesrgan" {
		f.Args = append(append(from, av.Input(in.Media.Path)...), "-map", "0:v:0", "-map", "1:a?")
	} else {
		f.Args = append(f.Args, "-map", "0:a?")
	}
	film := av.Film{FFmpeg: f, Before: append(f.Args, "-vf", scale), Accel: in.Accel, Task: t}
	film.Args = []string{"-pix_fmt", "yuv420p", "-c:a", "copy", "-movflags", "+faststart", path}
	out.Media = sdk.File(path, "larger.mp4", "video/mp4")
	out.Encoder, err = film.Encode(ctx)
	return out, err
}

type convertIn struct {
	Media   sdk.Artifact `spin:"media" doc:"A film, a sound or a picture"`
	Format  string       `spin:"format" enum:"mp4|webm|gif|mp3|m4a|ogg|wav|flac|png|jpg|webp" doc:"What it becomes"`
	Height  int          `spin:"height" default:"0" min:"0" max:"8640" doc:"In pixels; 0: as it is"`
	FPS     float64      `spin:"fps" default:"0" min:"0" max:"240" doc:"Frames a second; 0: as they are"`
	Start   float64      `spin:"start" default:"0" min:"0" doc:"Where it begins, in seconds"`
	Seconds float64      `spin:"seconds" default:"0" min:"0" doc:"How long it is; 0: to the end"`
	Codec   string       `spin:"codec" default:"h264" enum:"h264|hevc" doc:"Of mp4: hevc is smaller, and not everything plays it"`
	Accel   string       `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
}

type convertOut struct {
	Media   sdk.Artifact `spin:"media" doc:"The same in the other form"`
	Encoder string       `spin:"encoder" doc:"What encoded it, such as libx264 or h264_nvenc; empty: it is no mp4"`
}

func convertNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.convert", Description: "Brings a film, a sound or a picture into another form, cut and scaled if you like.", Revision: "2", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "The sound alone", HCL: "node \"render.convert\" \"sound\" {\n  media  = node.film.video\n  format = \"mp3\"\n}"}},
	}, runConvert)
}

// forms are how each format is written: media type and arguments.
var forms = map[string]struct {
	media string
	args  []string
	kind  string // video, audio or picture
}{
	"mp4":  {"video/mp4", []string{"-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"}, "video"},
	"webm": {"video/webm", []string{"-c:v", "libvpx-vp9", "-crf", "32", "-b:v", "0", "-row-mt", "1", "-cpu-used", "4", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-b:a", "128k"}, "video"},
	"gif":  {"image/gif", nil, "video"},
	"mp3":  {"audio/mpeg", []string{"-c:a", "libmp3lame", "-q:a", "2"}, "audio"},
	"m4a":  {"audio/mp4", []string{"-c:a", "aac", "-b:a", "192k"}, "audio"},
	"ogg":  {"audio/ogg", []string{"-c:a", "libopus", "-b:a", "128k"}, "audio"},
	"wav":  {"audio/wav", []string{"-c:a", "pcm_s16le"}, "audio"},
	"flac": {"audio/flac", []string{"-c:a", "flac"}, "audio"},
	"png":  {"image/png", []string{"-frames:v", "1", "-update", "1"}, "picture"},
	"jpg":  {"image/jpeg", []string{"-frames:v", "1", "-update", "1", "-q:v", "2"}, "picture"},
	"webp": {"image/webp", []string{"-frames:v", "1", "-update", "1", "-c:v", "libwebp", "-quality", "90"}, "picture"},
}

func runConvert(ctx context.Context, in convertIn, t *sdk.Task) (out convertOut, err error) {
	p, err := av.Probe(ctx, in.Media.Path, in.Media.Name)
	if err != nil {
		return out, err
	}
	form := forms[in.Format]
	if form.kind == "audio" && p.Audio == "" || form.kind != "audio" && p.Width == 0 {
		return out, sdk.Refuse(fmt.Sprintf("%s cannot become %s: it has nothing for it", av.Quoted(in.Media.Name), in.Format), "choose a format of its kind")
	}
	var cut []string
	if in.Start > 0 {
		cut = append(cut, "-ss", strconv.FormatFloat(in.Start, 'f', 3, 64))
	}
	args := append(cut, av.Input(in.Media.Path)...)
	if in.Seconds > 0 {
		args = append(args, "-t", strconv.FormatFloat(in.Seconds, 'f', 3, 64))
	}
	var filters []string
	if in.FPS > 0 && form.kind == "video" {
		filters = append(filters, "fps="+strconv.FormatFloat(in.FPS, 'f', 3, 64))
	}
	if form.kind != "audio" {
		h := p.Height
		if in.Height > 0 {
			h = in.Height
		}
		filters = append(filters, fmt.Sprintf("scale=-2:%d:flags=lanczos", (h+1)/2*2))
	}
	switch form.kind {
	case "audio":
		args = append(args, "-map", "0:a:0", "-vn")
	case "picture":
		args = append(args, "-map", "0:v:0", "-an")
	default:
		args = append(args, "-map", "0:v:0", "-map", "0:a?")
	}
	if in.Format == "gif" {
		filters = append(filters, "split[a][b];[a]palettegen[p];[b][p]paletteuse")
		args = append(args, "-an")
	}
	if len(filters) > 0 {
		args = append(args, "-vf", strings.Join(filters, ","))
	}
	name := strings.TrimSuffix(filepath.Base(in.Media.Name), filepath.Ext(in.Media.Name)) + "." + in.Format
	path := filepath.Join(t.Scratch, "converted."+in.Format)
	f := av.Film{Before: args, Codec: in.Codec, Accel: in.Accel, Task: t, FFmpeg: av.FFmpeg{Args: append(slices.Clone(form.args), path), Seconds: p.Seconds, Scratch: t.Scratch,
		Report: func(f float64) { t.Progress(f, "making "+in.Format) }}}
	if in.Format == "mp4" {
		out.Encoder, err = f.Encode(ctx)
	} else {
		f.Args = append(args, f.Args...)
		_, err = f.Run(ctx)
	}
	if err != nil {
		return out, err
	}
	out.Media = sdk.File(path, name, form.media)
	return out, nil
}

type musicIn struct {
	Media  sdk.Artifact `spin:"media" accept:"video/*|audio/*" doc:"A film or a sound, in which somebody speaks"`
	Music  sdk.Artifact `spin:"music" accept:"audio/*" doc:"What is laid under it, over and over if it is shorter"`
	Volume float64      `spin:"volume" default:"-14" min:"-60" max:"12" doc:"Of the music, in dB"`
	Duck   float64      `spin:"duck" default:"10" min:"0" max:"30" doc:"By how many dB the music gives way where somebody speaks; 0: not"`
	Fade   float64      `spin:"fade" default:"2" min:"0" max:"30" doc:"Seconds over which it goes at the end"`
}

type musicOut struct {
	Media   sdk.Artifact `spin:"media" doc:"The film or the sound with music"`
	Seconds float64      `spin:"seconds" doc:"Duration"`
}

func musicNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.music", Description: "Lays music under speech; it gives way where somebody speaks.", Revision: "1", Idempotent: true, Concurrency: 2,
		Examples: []sdk.Example{{Title: "Under a film", HCL: "node \"render.music\" \"scored\" {\n  media = node.film.video\n  music = var.music\n}"}},
	}, runMusic)
}

func runMusic(ctx context.Context, in musicIn, t *sdk.Task) (out musicOut, err error) {
	p, err := av.Probe(ctx, in.Media.Path, in.Media.Name)
	if err != nil {
		return out, err
	}
	if p.Audio == "" || p.Seconds <= 0 {
		return out, sdk.Refuse(av.Quoted(in.Media.Name)+" has no sound to lay music under", "give a film or a sound in which somebody speaks")
	}
	if m, err := av.Probe(ctx, in.Music.Path, in.Music.Name); err != nil {
		return out, err
	} else if m.Audio == "" {
		return out, sdk.Refuse(av.Quoted(in.Music.Name)+" has no sound", "give music")
	}
	graph := fmt.Sprintf("[1:a]aformat=sample_rates=48000:channel_layouts=stereo,volume=%.2fdB,atrim=0:%.3f,afade=t=out:st=%.3f:d=%.3f[m];[0:a]aformat=sample_rates=48000:channel_layouts=stereo", in.Volume, p.Seconds, max(0, p.Seconds-in.Fade), max(0.01, in.Fade))
	if in.Duck > 0 {
		// At -30 dBFS and above the music is held back; the ratio gives what was asked for at usual speech, some 18 dB above that.
		ratio := min(20, 1/max(0.05, 1-in.Duck/18))
		graph += fmt.Sprintf(",asplit[s][k];[m][k]sidechaincompress=threshold=0.03:ratio=%.2f:attack=20:release=400[d];[s][d]amix=inputs=2:duration=first:normalize=0[a]", ratio)
	} else {
		graph += "[s];[s][m]amix=inputs=2:duration=first:normalize=0[a]"
	}
	name, kind := "scored.m4a", "audio/mp4"
	args := append(append(av.Input(in.Media.Path), "-stream_loop", "-1"), av.Input(in.Music.Path)...)
	args = append(args, "-filter_complex", graph, "-map", "[a]", "-c:a", "aac", "-b:a", "192k")
	if p.Video != "" && p.FPS > 0 {
		name, kind = "scored.mp4", "video/mp4"
		args = append(args, "-map", "0:v:0", "-c:v", "copy", "-movflags", "+faststart")
	}
	path := filepath.Join(t.Scratch, name)
	if _, err := (av.FFmpeg{Args: append(args, "-t", strconv.FormatFloat(p.Seconds, 'f', 3, 64), path), Seconds: p.Seconds, Scratch: t.Scratch, Report: func(f float64) { t.Progress(f, "mixing") }}).Run(ctx); err != nil {
		return out, err
	}
	return musicOut{sdk.File(path, name, kind), p.Seconds}, nil
}

type composeIn struct {
	Layers  []layer       `spin:"layers" min:"1" max:"32" doc:"What is laid upon each other, the lowest first"`
	Width   int           `spin:"width" default:"1920" min:"16" max:"8640" doc:"Pixels"`
	Height  int           `spin:"height" default:"1080" min:"16" max:"8640" doc:"Pixels"`
	Seconds float64       `spin:"seconds" default:"0" min:"0" max:"36000" doc:"How long it is; 0: as long as the longest film or the sound"`
	FPS     int           `spin:"fps" default:"30" min:"1" max:"60" doc:"Frames a second"`
	Ground  string        `spin:"ground" default:"#101418" pattern:"^#[0-9A-Fa-f]{6}$" doc:"The colour behind all"`
	Audio   *sdk.Artifact `spin:"audio,optional" accept:"audio/*|video/*" doc:"What is heard; default: the sound of the first film that has some"`
	Accel   string        `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
}

type layer struct {
	Media  sdk.Artifact `spin:"media" accept:"image/*|video/*" doc:"A picture or a film"`
	X      float64      `spin:"x" default:"0.5" doc:"Of its middle, as a share of the width"`
	Y      float64      `spin:"y" default:"0.5" doc:"Of its middle, as a share of the height"`
	Width  float64      `spin:"width" default:"1" min:"0.001" max:"4" doc:"As a share of the width; its height follows"`
	From   float64      `spin:"from" default:"0" min:"0" doc:"When it is seen first, in seconds"`
	Until  float64      `spin:"until" default:"0" min:"0" doc:"When it is seen no more; 0: it stays"`
	Opaque float64      `spin:"opacity" default:"1" min:"0" max:"1" doc:"1 hides what is below"`
}

type composeOut struct {
	Video   sdk.Artifact `spin:"video" accept:"video/mp4" doc:"The film"`
	Seconds float64      `spin:"seconds" doc:"Duration"`
	Encoder string       `spin:"encoder" doc:"What encoded it, such as libx264 or h264_nvenc"`
}

func composeNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.compose", Description: "Lays pictures and films upon each other: a speaker in a corner, a logo, a background.", Revision: "2", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "A speaker in the corner", HCL: "node \"render.compose\" \"both\" {\n  layers = [\n    { media = node.slides.video },\n    { media = node.talk.video, x = 0.85, y = 0.8, width = 0.25 },\n  ]\n}"}},
	}, runCompose)
}

func runCompose(ctx context.Context, in composeIn, t *sdk.Task) (out composeOut, err error) {
	w, h := in.Width/2*2, in.Height/2*2
	var args []string
	sound, longest := -1, in.Seconds
	moving := make([]bool, len(in.Layers))
	for i, l := range in.Layers {
		p, err := av.Probe(ctx, l.Media.Path, l.Media.Name)
		if err != nil {
			return out, err
		}
		if p.Width == 0 {
			return out, sdk.Refuse(fmt.Sprintf("layer %d: %s has no pictures", i, av.Quoted(l.Media.Name)), "give a picture or a film")
		}
		if moving[i] = p.Seconds > 0 && p.FPS > 0 && strings.HasPrefix(l.Media.MediaType, "video/"); moving[i] {
			if in.Seconds == 0 {
				longest = max(longest, l.From+p.Seconds)
			}
			if sound < 0 && p.Audio != "" {
				sound = i
			}
			args = append(args, "-itsoffset", strconv.FormatFloat(l.From, 'f', 3, 64))
		} else {
			args = append(args, "-loop", "1", "-framerate", strconv.Itoa(in.FPS))
		}
		args = append(args, av.Input(l.Media.Path)...)
	}
	if in.Audio != nil {
		p, err := av.Probe(ctx, in.Audio.Path, in.Audio.Name)
		if err != nil {
			return out, err
		}
		if p.Audio == "" {
			return out, sdk.Refuse(av.Quoted(in.Audio.Name)+" has no sound", "give speech or music")
		}
		if in.Seconds == 0 {
			longest = max(longest, p.Seconds)
		}
		sound = len(in.Layers)
		args = append(args, av.Input(in.Audio.Path)...)
	}
	if longest <= 0 {
		return out, sdk.Refuse("it is not known how long the film is: there are only pictures", "set seconds, or give audio")
	}
	var graph strings.Builder
	fmt.Fprintf(&graph, "color=c=0x%s:s=%dx%d:r=%d:d=%.3f[l0]", in.Ground[1:], w, h, in.FPS, longest)
	for i, l := range in.Layers {
		until := longest
		if l.Until > 0 {
			until = l.Until
		}
		fmt.Fprintf(&graph, ";[%d:v]scale=%d:-2:flags=lanczos,format=rgba,colorchannelmixer=aa=%.3f[s%d];[l%d][s%d]overlay=x=%.1f-w/2:y=%.1f-h/2:eof_action=pass:enable='between(t,%.3f,%.3f)'[l%d]",
			i, max(2, int(l.Width*float64(w))/2*2), l.Opaque, i, i, i, l.X*float64(w), l.Y*float64(h), l.From, until, i+1)
	}
	args = append(args, "-filter_complex", graph.String(), "-map", fmt.Sprintf("[l%d]", len(in.Layers)))
	if sound >= 0 {
		args = append(args, "-map", fmt.Sprintf("%d:a:0", sound), "-c:a", "aac", "-b:a", "192k")
	}
	path := filepath.Join(t.Scratch, "composed.mp4")
	f := av.Film{Before: args, Accel: in.Accel, Task: t, FFmpeg: av.FFmpeg{Seconds: longest, Scratch: t.Scratch, Report: func(f float64) { t.Progress(f, "laying upon each other") },
		Args: []string{"-pix_fmt", "yuv420p", "-t", strconv.FormatFloat(longest, 'f', 3, 64), "-movflags", "+faststart", path}}}
	encoder, err := f.Encode(ctx)
	return composeOut{sdk.File(path, "composed.mp4", "video/mp4"), longest, encoder}, err
}
