package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// engine is one that is a program.
type engine struct {
	source string // where it is to be had
	memory string // of a GPU that it needs
	// slow is about how many minutes a second of film takes on such a GPU.
	slow float64
	args func(p program, portrait, audio, out string) ([]string, error)
	// still: it wants a film to begin with, not a picture.
	still bool
}

func programs() []string {
	return []string{"wav2lip", "sadtalker", "latentsync", "infinitetalk", "command"}
}

func engineOf(name string) engine {
	switch name {
	case "wav2lip":
		return engine{source: "https://github.com/Rudrabha/Wav2Lip", memory: "8 GiB", slow: 0.05, args: func(p program, portrait, audio, out string) ([]string, error) {
			return []string{"inference.py", "--checkpoint_path", filepath.Join(p.Folder, "checkpoints", "wav2lip_gan.pth"), "--face", portrait, "--audio", audio, "--outfile", out}, nil
		}}
	case "sadtalker":
		return engine{source: "https://github.com/OpenTalker/SadTalker", memory: "8 GiB", slow: 0.2, args: func(_ program, portrait, audio, out string) ([]string, error) {
			return []string{"inference.py", "--driven_audio", audio, "--source_image", portrait, "--result_dir", filepath.Dir(out), "--still", "--preprocess", "full"}, nil
		}}
	case "latentsync":
		return engine{source: "https://github.com/bytedance/LatentSync", memory: "12 GiB", slow: 0.5, still: true, args: func(p program, film, audio, out string) ([]string, error) {
			return []string{"-m", "scripts.inference", "--unet_config_path", filepath.Join(p.Folder, "configs", "unet", "stage2.yaml"), "--inference_ckpt_path", filepath.Join(p.Folder, "checkpoints", "latentsync_unet.pt"),
				"--video_path", film, "--audio_path", audio, "--video_out_path", out}, nil
		}}
	case "infinitetalk":
		return engine{source: "https://github.com/MeiGen-AI/InfiniteTalk", memory: "24 GiB", slow: 2, args: func(p program, portrait, audio, out string) ([]string, error) {
			task := strings.TrimSuffix(out, ".mp4") + ".json"
			raw, err := json.Marshal(map[string]any{"prompt": "A person is talking", "cond_video": portrait, "cond_audio": map[string]string{"person1": audio}})
			if err == nil {
				err = os.WriteFile(task, raw, 0o600)
			}
			w := filepath.Join(p.Folder, "weights")
			return []string{"generate_infinitetalk.py", "--ckpt_dir", filepath.Join(w, "Wan2.1-I2V-14B-480P"), "--wav2vec_dir", filepath.Join(w, "chinese-wav2vec2-base"),
				"--infinitetalk_dir", filepath.Join(w, "InfiniteTalk", "single", "infinitetalk.safetensors"), "--input_json", task, "--size", "infinitetalk-480", "--mode", "streaming", "--save_file", strings.TrimSuffix(out, ".mp4")}, err
		}}
	default:
		return engine{args: func(p program, portrait, audio, out string) ([]string, error) {
			var all []string
			for _, a := range p.Command {
				all = append(all, strings.NewReplacer("{portrait}", portrait, "{audio}", audio, "{video}", out).Replace(a))
			}
			return all, nil
		}}
	}
}

// command has an engine that is a program make the film.
func (s *stage) command(ctx context.Context, in talkIn, t *sdk.Task) (talkOut, error) {
	e, p := engineOf(in.Engine), s.program(in.Engine)
	if p.Folder == "" && len(p.Command) == 0 {
		hint := `name it: plugin "lipsync" { engines = { command = { command = ["/…", "{portrait}", "{audio}", "{video}"] } } }`
		if e.source != "" {
			hint = fmt.Sprintf("get it with git clone %s, with its models, on a machine with a GPU of %s, and name its folder: plugin \"lipsync\" { engines = { %s = { folder = \"/…\" } } }; engine = \"builtin\" makes a preview anywhere", e.source, e.memory, in.Engine)
		}
		return talkOut{}, sdk.Refuse(fmt.Sprintf("it is not known where the engine %s is on this machine", in.Engine), hint)
	}
	out := video(t)
	portrait, err := withName(in.Portrait, t.Scratch, "portrait")
	if err != nil {
		return talkOut{}, err
	}
	audio, err := withName(in.Audio, t.Scratch, "audio")
	if err != nil {
		return talkOut{}, err
	}
	if e.still {
		if portrait, err = stillFilm(ctx, portrait, audio, t.Scratch, in.Height); err != nil {
			return talkOut{}, err
		}
	}
	args, err := e.args(p, portrait, audio, out)
	if err != nil {
		return talkOut{}, err
	}
	args = append(args, p.Args...)
	if in.Engine != "command" {
		python := p.Python
		if python == "" {
			python = "python3"
		}
		args = append([]string{python}, args...)
	}
	t.Progress(-1, in.Engine+" works")
	if err := runEngine(ctx, args, p.Folder, in.Engine, t); err != nil {
		return talkOut{}, err
	}
	made, err := newest(t.Scratch)
	if err != nil {
		return talkOut{}, err
	}
	if made == "" {
		return talkOut{}, sdk.Fail(in.Engine+" ended well and left no film", "is it of a version that this plugin knows?")
	}
	return probe(ctx, made, in.Engine)
}

// withName gives a file its kind in its name: engines tell pictures from films by it.
func withName(a sdk.Artifact, dir, name string) (string, error) {
	path := filepath.Join(dir, name+strings.ToLower(filepath.Ext(a.Name)))
	raw, err := os.ReadFile(a.Path)
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, raw, 0o600)
}

// stillFilm is a film of the portrait, as long as the speech.
func stillFilm(ctx context.Context, portrait, audio, dir string, height int) (string, error) {
	path := filepath.Join(dir, "still.avi") // not .mp4: it is not the result
	return path, ffmpeg(ctx, []string{"-loop", "1", "-framerate", "25", "-i", portrait, "-i", audio, "-map", "0:v", "-map", "1:a", "-vf", fmt.Sprintf("scale=-2:%d", height/2*2), "-c:v", "mjpeg", "-q:v", "2", "-c:a", "pcm_s16le", "-shortest", path},
		func(io.Writer) error { return nil })
}

// runEngine runs it to its end. Its last words are in the error.
func runEngine(ctx context.Context, args []string, dir, name string, t *sdk.Task) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONUNBUFFERED=1")
	ownGroup(cmd)
	cmd.WaitDelay = 5 * time.Second
	said := &lines{t: t}
	cmd.Stdout, cmd.Stderr = said, said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return nil
	}
	text := said.text()
	if strings.Contains(strings.ToLower(text), "out of memory") {
		return &sdk.Error{Cause: sdk.CauseOOM, Message: name + " ran out of device memory", Hint: "use a smaller height, a shorter speech, or a larger device", Detail: text}
	}
	return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("%s ended with %v: %s", name, err, last(text)), Hint: "its last lines are in the details", Detail: text}
}

// lines keeps what a program said last, and tells each line.
type lines struct {
	t    *sdk.Task
	rest []byte
	all  []string
}

const keptLines = 40

// Write implements io.Writer. os/exec calls it from one goroutine where stdout and stderr are the same.
func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexAny(l.rest, "\r\n")
		if i < 0 {
			if len(l.rest) > 1<<16 { // a line without end
				l.rest = l.rest[:0]
			}
			return len(p), nil
		}
		if text := strings.TrimSpace(strings.ToValidUTF8(string(l.rest[:i]), "�")); text != "" {
			l.t.Progress(-1, text)
			if l.all = append(l.all, text); len(l.all) > keptLines {
				l.all = l.all[1:]
			}
		}
		l.rest = l.rest[i+1:]
	}
}

func (l *lines) text() string {
	if rest := strings.TrimSpace(string(l.rest)); rest != "" {
		return strings.Join(append(l.all, rest), "\n")
	}
	return strings.Join(l.all, "\n")
}

// newest gives the film that was written last into a folder or those in it.
func newest(dir string) (string, error) {
	var best string
	var at time.Time
	err := filepath.Walk(dir, func(path string, st os.FileInfo, err error) error {
		if err == nil && st.Mode().IsRegular() && filepath.Ext(path) == ".mp4" && (best == "" || st.ModTime().After(at)) {
			best, at = path, st.ModTime()
		}
		return err
	})
	return best, err
}

// probe measures a film that an engine made.
func probe(ctx context.Context, path, engine string) (talkOut, error) {
	ffprobe, err := installed("ffprobe")
	if err != nil {
		return talkOut{}, err
	}
	raw, err := exec.CommandContext(ctx, ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height:format=duration", "-of", "json", path).Output()
	var p struct {
		Streams []image.Config
		Format  struct{ Duration string }
	}
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil || len(p.Streams) == 0 {
		return talkOut{}, sdk.Fail(engine+" left a film that cannot be read", "its last lines say what went wrong")
	}
	seconds, _ := strconv.ParseFloat(p.Format.Duration, 64)
	return talkOut{Video: sdk.File(path, "talk.mp4", "video/mp4"), Seconds: seconds, Width: p.Streams[0].Width, Height: p.Streams[0].Height, Engine: engine}, nil
}
