package av

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// Film is the encoding of a film: on the GPU that the task was given, where that works, else by the processor.
type Film struct {
	FFmpeg // Args are those after the encoder's
	// Before are those before the encoder's: what is read, and what becomes of it.
	Before []string
	Codec  string // "h264" or "hevc"; empty: h264
	Accel  string // "off": never on a GPU
	Task   *sdk.Task
}

// Encode encodes the film. It gives the name of the encoder that did, such as h264_nvenc. What fails on the GPU is done by the processor.
func (f Film) Encode(ctx context.Context) (string, error) {
	if f.Codec == "" {
		f.Codec = "h264"
	}
	name, args := software(f.Codec)
	var how ability
	if f.Accel != "off" && len(f.Task.Devices) > 0 {
		if how = capable(ctx, f.Codec); !how.encodes {
			f.Task.Log("warn", name+" encodes, since NVENC does not work here: "+how.why)
		}
	}
	if how.encodes || how.decodes {
		by, encoder, also := name, args, ""
		if how.encodes {
			by, encoder = nvenc(f.Codec)
		}
		if how.decodes {
			also = ", decoded by NVDEC"
		}
		err := f.run(ctx, decoding(f.Before, how.decodes), encoder)
		if err == nil {
			f.Task.Log("info", "encoded by "+by+also)
		}
		if err == nil || ctx.Err() != nil || IsFull(err) {
			return by, err
		}
		f.Task.Log("warn", name+" encodes anew, since the GPU could not: "+err.Error())
	}
	return name, f.run(ctx, f.Before, args)
}

func (f Film) run(ctx context.Context, before, encoder []string) error {
	all := append(append([]string(nil), before...), encoder...)
	f.Args = append(all, f.Args...)
	_, err := f.Run(ctx)
	return err
}

// software is how the processor encodes.
func software(codec string) (name string, args []string) {
	if codec == "hevc" {
		return "libx265", []string{"-c:v", "libx265", "-preset", "veryfast", "-crf", "24", "-tag:v", "hvc1"}
	}
	// slow zooms need no search for fast motion: half the time of veryfast, a tenth more bytes
	return "libx264", []string{"-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-x264-params", "subme=1:trellis=0:me=dia:ref=1:bframes=2:weightp=0"}
}

// nvenc is how a GPU of NVIDIA does.
func nvenc(codec string) (name string, args []string) {
	name = codec + "_nvenc"
	args = []string{"-c:v", name, "-preset", "p5", "-rc", "vbr", "-cq", "21", "-b:v", "0"}
	if codec == "hevc" {
		args = append(args, "-tag:v", "hvc1")
	}
	return name, args
}

// decoding has what is read decoded on the GPU, too. What it cannot decode ffmpeg does by the processor.
func decoding(before []string, works bool) (out []string) {
	for _, a := range before {
		if a == "-i" && works {
			out = append(out, "-hwaccel", "cuda")
		}
		out = append(out, a)
	}
	return out
}

// ability is what NVENC and NVDEC can do here.
type ability struct {
	encodes, decodes bool
	why              string // it does not encode
}

// Whatever was found out, by codec and the path of ffmpeg. Devices of a process never change.
var (
	abilitiesMu sync.Mutex
	abilities   = map[string]ability{}
)

// capable finds out once what works, by encoding a few frames and decoding them. A driver that hangs must not hold the film up.
func capable(ctx context.Context, codec string) ability {
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		return ability{why: "ffmpeg is not installed"}
	}
	abilitiesMu.Lock()
	defer abilitiesMu.Unlock()
	key := codec + " " + path
	if a, known := abilities[key]; known {
		return a
	}
	a := try(ctx, codec)
	if ctx.Err() == nil {
		abilities[key] = a
	}
	return a
}

func try(ctx context.Context, codec string) ability {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "spinbot-trial-")
	if err != nil {
		return ability{why: err.Error()}
	}
	defer os.RemoveAll(dir)
	film := filepath.Join(dir, "trial.mp4")
	trial := func(encoder []string) error {
		args := append([]string{"-f", "lavfi", "-i", "testsrc2=s=256x256:r=25"}, encoder...)
		_, err := FFmpeg{Args: append(args, "-frames:v", "5", "-pix_fmt", "yuv420p", film)}.Run(ctx)
		if err != nil {
			return err
		}
		if st, err := os.Stat(film); err != nil || st.Size() == 0 {
			return errors.New("it encoded nothing")
		}
		return nil
	}
	_, encoder := nvenc(codec)
	var out ability
	if err := trial(encoder); err != nil {
		out.why = err.Error()
	}
	out.encodes = out.why == ""
	if _, encoder = software("h264"); trial(encoder) == nil {
		_, err = FFmpeg{Args: []string{"-hwaccel", "cuda", "-hwaccel_output_format", "cuda", "-i", film, "-f", "null", "-"}}.Run(ctx)
		out.decodes = err == nil
	}
	return out
}

// IsFull says whether an error says that a disk is full.
func IsFull(err error) bool { return err != nil && strings.Contains(err.Error(), "the disk is full") }
