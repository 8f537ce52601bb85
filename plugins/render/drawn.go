package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/longrun"
)

const esrgan = "realesrgan-ncnn-vulkan"

// drawnLarger has Real-ESRGAN draw the picture, or each of the film's, and says how ffmpeg reads them.
func drawnLarger(ctx context.Context, in upscaleIn, p av.Facts, isFilm bool, t *sdk.Task) ([]string, error) {
	path, err := exec.LookPath(esrgan)
	if err != nil {
		return nil, sdk.Refuse(esrgan+" is not installed on this machine", "get it from github.com/xinntao/Real-ESRGAN and put it into PATH; engine = \"ffmpeg\" needs nothing, and comfyui.upscale uses a model of ComfyUI")
	}
	small, large := filepath.Join(t.Scratch, "small"), filepath.Join(t.Scratch, "large")
	for _, dir := range []string{small, large} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return nil, av.DiskError(err, t.Scratch)
		}
	}
	args := append(av.Input(in.Media.Path), "-map", "0:v:0")
	var rate []string
	if isFilm { // some films have pictures of unequal length
		rate = []string{strconv.FormatFloat(p.FPS, 'f', -1, 64)}
		args = append(args, "-r", rate[0])
		rate = append([]string{"-framerate"}, rate...)
	} else {
		args = append(args, "-frames:v", "1")
	}
	if _, err := (av.FFmpeg{Args: append(args, filepath.Join(small, "%06d.png")), Scratch: t.Scratch}).Run(ctx); err != nil {
		return nil, err
	}
	if err := drawAll(ctx, path, small, large, in, t); err != nil {
		return nil, err
	}
	return append(rate, "-i", filepath.Join(large, "%06d.png")), nil
}

// drawAll has Real-ESRGAN draw every picture of a folder into another. It ends well whatever goes wrong: with a model that it lacks it makes
// black pictures, and on a full disk it makes none. So what it says counts, and what it leaves.
func drawAll(ctx context.Context, path, small, large string, in upscaleIn, t *sdk.Task) error {
	files, err := os.ReadDir(small)
	if err != nil {
		return err
	}
	h := drawing{all: len(files), in: in, path: path, task: t}
	t.Progress(-1, "drawing")
	err = longrun.Run(ctx, longrun.Program{Name: esrgan, Args: []string{path, "-i", small, "-o", large, "-n", in.Model, "-s", strconv.Itoa(drawnFactor(in)), "-f", "png"},
		Line: h.line, Look: func() error { return h.fault }, Smaller: "a smaller picture"})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case h.fault != nil: // before how it ended
		return h.fault
	case err != nil:
		return err
	}
	for _, f := range files {
		if err := whole(filepath.Join(large, f.Name())); err != nil {
			return sdk.Fail(fmt.Sprintf("%s left %s of %d pictures missing or cut off: %v", esrgan, f.Name(), len(files), err), "see that there is room on the disk of "+t.Scratch+": pictures four times as large take many times the room")
		}
	}
	return nil
}

// whole says whether a PNG is there to its end.
func whole(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const end = "IEND\xaeB`\x82"
	last := make([]byte, len(end))
	if _, err = f.Seek(-int64(len(end)), io.SeekEnd); err == nil {
		_, err = io.ReadFull(f, last)
	}
	if err != nil || string(last) != end {
		return errors.New("it has no end")
	}
	return nil
}

// drawing is what is heard of Real-ESRGAN.
type drawing struct {
	all, begun int // pictures
	in         upscaleIn
	path       string
	task       *sdk.Task
	fault      error // nil: none yet
}

var (
	drawnShare = regexp.MustCompile(`^(\d+\.\d\d)%$`)
	noModel    = regexp.MustCompile(`^_?w?fopen .*?([^/\\]+)\.(?:param|bin) failed`)
	noMemory   = regexp.MustCompile(`^vkAllocateMemory failed`)
	lostDevice = regexp.MustCompile(`^vk(QueueSubmit|WaitForFences|CreateDevice|CreateComputePipelines) failed`)
)

// line hears how much of a picture is drawn, which is said after each of its tiles, first with 0, and what is wrong.
func (d *drawing) line(text string) {
	if m := drawnShare.FindStringSubmatch(text); m != nil {
		share, _ := strconv.ParseFloat(m[1], 64)
		if share == 0 && d.begun < d.all {
			d.begun++
		}
		d.task.Progress(min(1, (float64(max(1, d.begun)-1)+share/100)/float64(max(1, d.all))), fmt.Sprintf("drawing %d of %d", max(1, d.begun), d.all))
		return
	}
	if strings.HasPrefix(text, "[0 llvmpipe") && strings.Contains(text, "queueC=") {
		d.task.Log("warn", "Vulkan finds no GPU here: "+esrgan+" draws by the processor, slowly")
	}
	if d.fault != nil {
		return
	}
	switch {
	case noModel.MatchString(text):
		hint := "put " + d.in.Model + ".param and .bin into the folder models beside it"
		if d.in.Model == movie {
			hint = "its models " + movie + "-x2, -x3 and -x4, .param and .bin, belong into the folder models beside it"
		}
		if have := models(d.path); len(have) > 0 {
			hint += "; it has " + strings.Join(have, ", ")
		}
		d.fault = sdk.Refuse(fmt.Sprintf("%s has no model %s", esrgan, noModel.FindStringSubmatch(text)[1]), hint)
	case text == "invalid gpu device":
		d.fault = sdk.Refuse(esrgan+" finds no GPU", `it needs one with Vulkan: see what vulkaninfo --summary lists, and install the GPU's driver and libvulkan1; a container needs graphics among its NVIDIA_DRIVER_CAPABILITIES, too. engine = "ffmpeg" needs no GPU`)
	case noMemory.MatchString(text):
		d.fault = &sdk.Error{Cause: sdk.CauseOOM, Message: esrgan + " ran out of device memory", Hint: "end what else uses the GPU, or use a larger one", Detail: text}
	case lostDevice.MatchString(text):
		d.fault = sdk.Fail(esrgan+" failed: "+text, "the GPU or its driver gave up: see what else uses it, and vulkaninfo --summary")
	case strings.HasPrefix(text, "decode image ") || strings.HasPrefix(text, "encode image "):
		d.fault = sdk.Fail(esrgan+" failed: "+text, "see that there is room on the disk of "+d.task.Scratch)
	}
}

// models are those that lie beside the program; none where they lie elsewhere.
func models(path string) (names []string) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "models", "*.param"))
	for _, f := range found {
		name := strings.TrimSuffix(filepath.Base(f), ".param")
		if strings.HasPrefix(name, movie+"-x") {
			name = movie
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// movie is the model that has one for each factor.
const movie = "realesr-animevideov3"

var byName = regexp.MustCompile(`(?i)(?:^|[-_.])(?:x([234])|([234])x)(?:plus|[-_.]|$)`)

// drawnFactor is how much larger the model draws, which most say in their names, and else four times: told another factor, the program
// would make its pictures of a part of what they drew. ffmpeg makes them as large as they are wanted.
func drawnFactor(in upscaleIn) int {
	if in.Model == movie {
		return in.Factor
	}
	if m := byName.FindStringSubmatch(in.Model); m != nil {
		n, _ := strconv.Atoi(m[1] + m[2])
		return n
	}
	return 4
}
