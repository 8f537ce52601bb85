// Package shorts makes short films of any shape, such as 9:16, of pieces of long recordings: a film is cropped or laid on a blurred
// copy of itself, a sound gets a picture and bars that move with it.
package shorts

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/design"
	"github.com/myspinbot/spinbot/plugins/render/loud"
	"github.com/myspinbot/spinbot/plugins/render/wave"
	"github.com/myspinbot/spinbot/sdk"
)

// Nodes are the package's.
func Nodes() []sdk.Node { return []sdk.Node{reframeNode(), audiogramNode()} }

// piece is which part of a recording is meant, and what becomes of it.
type piece struct {
	start, seconds float64
	width, height  int
	title, accel   string
	loudness       float64
	t              *sdk.Task

	input []string // ffmpeg's arguments that open it
}

func num(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// within holds the piece to what there is, and its shape to even numbers.
func (p *piece) within(name, path string, have float64) error {
	if p.start >= have {
		return sdk.Refuse(fmt.Sprintf("%s is %.1f seconds long, and the piece begins at %.1f", av.Quoted(name), have, p.start), "let it begin earlier")
	}
	if p.seconds == 0 || p.start+p.seconds > have {
		p.seconds = have - p.start
	}
	p.width, p.height = p.width/2*2, p.height/2*2
	p.input = append(p.cut(), av.Input(path)...)
	return nil
}

func (p *piece) cut() []string { return []string{"-ss", num(p.start), "-t", num(p.seconds)} }

// headline adds the title, if there is one, as input number n, and gives what lays it over [in] as [out].
func (p *piece) headline(n int) (args []string, graph string, err error) {
	if p.title == "" {
		return nil, "[in]null[out]", nil
	}
	path := filepath.Join(p.t.Scratch, "headline.png")
	if err := av.WritePNG(path, design.Headline(p.title, p.width, p.height)); err != nil {
		return nil, "", err
	}
	return []string{"-i", path}, fmt.Sprintf("[in][%d:v]overlay[out]", n), nil
}

// make runs ffmpeg: more are its arguments after the recording, the graph makes [out] of them, and the sound is the recording's if it
// has some.
func (p *piece) make(ctx context.Context, more []string, graph string, sound bool) (out, error) {
	path := filepath.Join(p.t.Scratch, "short.mp4")
	args := append(append(append([]string{}, p.input...), more...), "-filter_complex", graph, "-map", "[out]")
	if sound {
		master, err := p.master(ctx)
		if err != nil {
			return out{}, err
		}
		args = append(args, "-map", "0:a:0", "-af", master+",aresample=48000", "-c:a", "aac", "-b:a", "192k")
	}
	f := av.Film{Before: args, Accel: p.accel, Task: p.t, FFmpeg: av.FFmpeg{Args: []string{"-pix_fmt", "yuv420p", "-t", num(p.seconds), "-movflags", "+faststart", path},
		Seconds: p.seconds, Scratch: p.t.Scratch, Report: func(f float64) { p.t.Progress(f, "making the short film") }}}
	encoder, err := f.Encode(ctx)
	return out{sdk.File(path, "short.mp4", "video/mp4"), p.seconds, encoder}, err
}

// master is the filter that brings the sound to its loudness.
func (p *piece) master(ctx context.Context) (string, error) {
	if p.loudness == 0 {
		return "anull", nil
	}
	now, err := loud.Measure(ctx, p.input, "", p.t.Scratch)
	if err != nil {
		return "", err
	}
	return loud.Master(ctx, p.input, now, p.loudness, p.t.Scratch)
}

type out struct {
	Video   sdk.Artifact `spin:"video" accept:"video/mp4" doc:"The short film"`
	Seconds float64      `spin:"seconds" doc:"Duration"`
	Encoder string       `spin:"encoder" doc:"What encoded the pictures, such as libx264 or h264_nvenc"`
}

type reframeIn struct {
	Video    sdk.Artifact `spin:"video" accept:"video/*" doc:"The long film"`
	Start    float64      `spin:"start" default:"0" min:"0" doc:"Where the piece begins, in seconds"`
	Seconds  float64      `spin:"seconds" default:"0" min:"0" doc:"How long it is; 0: to the end"`
	Width    int          `spin:"width" default:"1080" min:"16" max:"8640" doc:"Pixels"`
	Height   int          `spin:"height" default:"1920" min:"16" max:"8640" doc:"Pixels"`
	Fit      string       `spin:"fit" default:"crop" enum:"crop|blur" doc:"crop fills the frame and leaves out what is beside it; blur shows all of it, on a blurred copy"`
	X        float64      `spin:"x" default:"0.5" min:"0" max:"1" doc:"Where crop looks: 0 is the left, 1 the right edge"`
	Y        float64      `spin:"y" default:"0.5" min:"0" max:"1" doc:"0 is the upper, 1 the lower edge"`
	Title    string       `spin:"title,optional" max:"200" doc:"What stands above all the time"`
	Loudness float64      `spin:"loudness" default:"-14" min:"-40" max:"0" doc:"Loudness to reach, in LUFS; 0: as it is"`
	Accel    string       `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
}

func reframeNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.reframe", Description: "Cuts a piece out of a film and brings it into another shape, such as 9:16, with a title.", Revision: "1", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "Half a minute, upright", HCL: "node \"render.reframe\" \"short\" {\n  video   = var.talk\n  start   = 95\n  seconds = 30\n  title   = \"Why lighthouses blink\"\n}"}},
	}, reframe)
}

func reframe(ctx context.Context, in reframeIn, t *sdk.Task) (out, error) {
	f, err := av.Probe(ctx, in.Video.Path, in.Video.Name)
	if err != nil {
		return out{}, err
	}
	if f.Video == "" || f.Seconds <= 0 || f.FPS <= 0 {
		return out{}, sdk.Refuse(av.Quoted(in.Video.Name)+" has no moving pictures", "give a film; render.audiogram makes one of a sound")
	}
	p := &piece{start: in.Start, seconds: in.Seconds, width: in.Width, height: in.Height, title: in.Title, loudness: in.Loudness, accel: in.Accel, t: t}
	if err := p.within(in.Video.Name, in.Video.Path, f.Seconds); err != nil {
		return out{}, err
	}
	fill := fmt.Sprintf("scale=%d:%d:force_original_aspect_ratio=increase:flags=lanczos,crop=%[1]d:%[2]d:(iw-ow)*%.3f:(ih-oh)*%.3f,setsar=1", p.width, p.height, in.X, in.Y)
	graph := "[0:v:0]" + fill + "[in];"
	if in.Fit == "blur" {
		graph = fmt.Sprintf("[0:v:0]split[a][b];[a]%s,scale=iw/8:-2,gblur=sigma=5,scale=%d:%d,eq=brightness=-0.12[ground];[b]scale=%[2]d:%[3]d:force_original_aspect_ratio=decrease:flags=lanczos,setsar=1[whole];[ground][whole]overlay=(W-w)/2:(H-h)/2[in];",
			fill, p.width, p.height)
	}
	more, title, err := p.headline(1)
	if err != nil {
		return out{}, err
	}
	return p.make(ctx, more, graph+title, f.Audio != "")
}

type audiogramIn struct {
	Audio    sdk.Artifact  `spin:"audio" accept:"audio/*|video/*" doc:"The long recording"`
	Start    float64       `spin:"start" default:"0" min:"0" doc:"Where the piece begins, in seconds"`
	Seconds  float64       `spin:"seconds" default:"0" min:"0" doc:"How long it is, three minutes at most; 0: to the end"`
	Picture  *sdk.Artifact `spin:"picture,optional" accept:"image/*" doc:"What is behind the bars; default: the house's background"`
	Width    int           `spin:"width" default:"1080" min:"128" max:"8640" doc:"Pixels"`
	Height   int           `spin:"height" default:"1920" min:"128" max:"8640" doc:"Pixels"`
	FPS      int           `spin:"fps" default:"30" min:"1" max:"60" doc:"Frames a second"`
	Title    string        `spin:"title,optional" max:"200" doc:"What stands above all the time"`
	Loudness float64       `spin:"loudness" default:"-14" min:"-40" max:"0" doc:"Loudness to reach, in LUFS; 0: as it is"`
	Accel    string        `spin:"hwaccel" default:"auto" enum:"auto|off" doc:"auto: the GPU of the node's device block encodes and decodes, where it can"`
}

func audiogramNode() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "render.audiogram", Description: "Makes a film of a piece of a recording: a picture, a title, and bars that move with what is heard.", Revision: "1", Idempotent: true, Concurrency: 1,
		Examples: []sdk.Example{{Title: "Half a minute of a podcast, upright", HCL: "node \"render.audiogram\" \"short\" {\n  audio   = var.podcast\n  start   = 95\n  seconds = 30\n  title   = \"Why lighthouses blink\"\n}"}},
	}, audiogram)
}

// The bars: how many there are a second, and of how many the frame has room.
const (
	barsPerSecond = 8
	barsSeen      = 44
	longest       = 180 // seconds: their picture is as wide as they are many
)

func audiogram(ctx context.Context, in audiogramIn, t *sdk.Task) (out, error) {
	f, err := av.Probe(ctx, in.Audio.Path, in.Audio.Name)
	if err != nil {
		return out{}, err
	}
	if f.Audio == "" || f.Seconds <= 0 {
		return out{}, sdk.Refuse(av.Quoted(in.Audio.Name)+" has no sound", "give a recording in which somebody speaks")
	}
	p := &piece{start: in.Start, seconds: in.Seconds, width: in.Width, height: in.Height, title: in.Title, loudness: in.Loudness, accel: in.Accel, t: t}
	if err := p.within(in.Audio.Name, in.Audio.Path, f.Seconds); err != nil {
		return out{}, err
	}
	if p.seconds > longest {
		return out{}, sdk.Refuse(fmt.Sprintf("a piece of %.0f seconds is too long for moving bars", p.seconds), fmt.Sprintf("set seconds to %d at most", longest))
	}
	heights, err := wave.Heights(ctx, in.Audio.Path, p.cut()...)
	if err != nil {
		return out{}, err
	}
	behind, err := p.behind(ctx, in.Picture)
	if err != nil {
		return out{}, err
	}
	pitch := max(2, p.width*86/100/barsSeen)
	seen, high := pitch*barsSeen, max(8, min(p.width, p.height)/6)
	bars := filepath.Join(t.Scratch, "bars.png")
	if err := av.WritePNG(bars, design.Bars(wave.Stretches(heights, max(1, int(p.seconds*barsPerSecond))), pitch, high, seen/2)); err != nil {
		return out{}, err
	}
	more, title, err := p.headline(3)
	if err != nil {
		return out{}, err
	}
	// Each picture is decoded once, and shown for as long as it takes. What has been heard is lit, what comes is dim.
	still := fmt.Sprintf("loop=-1:1:0,setpts=N/%d/TB,fps=%[1]d", in.FPS)
	at := fmt.Sprintf("floor(t*%d)", pitch*barsPerSecond)
	graph := fmt.Sprintf("[1:v:0]scale=%d:%d:force_original_aspect_ratio=increase:flags=lanczos,crop=%[1]d:%[2]d,setsar=1,format=yuv420p,%[3]s[ground];"+
		"[2:v]format=rgba,%[3]s,split[a][b];[a]crop=%[4]d:%[5]d:%[6]s:0[heard];[b]crop=%[4]d:%[5]d:%[6]s+%[4]d:0,colorchannelmixer=aa=0.45[comes];"+
		"[ground][heard]overlay=(W-%[7]d)/2:(H-h)*0.43[g];[g][comes]overlay=W/2:(H-h)*0.43[in];", p.width, p.height, still, seen/2, high, at, seen)
	return p.make(ctx, append(append(behind, "-i", bars), more...), graph+title, true)
}

// behind is the picture behind the bars as ffmpeg opens it, darkened so that they are seen.
func (p *piece) behind(ctx context.Context, picture *sdk.Artifact) ([]string, error) {
	if picture == nil {
		path := filepath.Join(p.t.Scratch, "ground.png")
		return []string{"-i", path}, av.WritePNG(path, design.Ground(p.width, p.height))
	}
	f, err := av.Probe(ctx, picture.Path, picture.Name)
	if err == nil && f.Width == 0 {
		err = sdk.Refuse(av.Quoted(picture.Name)+" is no picture", "give PNG, JPEG or WebP")
	}
	return av.Input(picture.Path), err
}
