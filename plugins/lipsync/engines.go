package main

import (
	"context"
	"encoding/json"
	"errors"
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
	"github.com/myspinbot/spinbot/sdk/longrun"
)

// engine is one that is a program.
type engine struct {
	source string // where it is to be had
	// memory is of the GPU that it is made for, in GB: 8, 12 or 24.
	memory int64
	// slow is about how many minutes a second of film takes on such a GPU.
	slow float64
	args func(p program, portrait, audio, out string) ([]string, error)
	// still: it wants a film to begin with, not a picture.
	still bool
	// sized: its film is as large as the picture, which is made as large as the film is to be.
	sized bool
	// rough: its film is not for browsers, or its sound is not as good as the speech.
	rough bool
	// faceless is what it says where it finds no face.
	faceless string
	// models are files in its folder that it needs, unless it is told of others.
	models []string
	// alone: it has one folder for its files.
	alone bool
	// named are the arguments that name what must be there; unless says for some which other argument makes them unread.
	named  []string
	unless map[string]string
	bound  bound
}

func programs() []string {
	return []string{"wav2lip", "sadtalker", "latentsync", "infinitetalk", "command"}
}

func engineOf(name string) engine {
	switch name {
	case "wav2lip":
		return engine{source: "https://github.com/Rudrabha/Wav2Lip", memory: 8, slow: 0.05, alone: true, sized: true, faceless: "Face not detected", models: []string{"checkpoints/wav2lip_gan.pth"}, args: func(p program, portrait, audio, out string) ([]string, error) {
			return []string{"inference.py", "--checkpoint_path", filepath.Join(p.Folder, "checkpoints", "wav2lip_gan.pth"), "--face", portrait, "--audio", audio, "--outfile", out}, nil
		}}
	case "sadtalker":
		return engine{source: "https://github.com/OpenTalker/SadTalker", memory: 8, slow: 0.2, sized: true, rough: true, faceless: "exceptions must derive from BaseException" /* it raises a string */, models: []string{"checkpoints/SadTalker_V0.0.2_256.safetensors", "checkpoints/mapping_00109-model.pth.tar"}, args: func(_ program, portrait, audio, out string) ([]string, error) {
			return []string{"inference.py", "--driven_audio", audio, "--source_image", portrait, "--result_dir", filepath.Dir(out), "--still", "--preprocess", "full"}, nil
		}}
	case "latentsync":
		return engine{source: "https://github.com/bytedance/LatentSync", memory: 12, slow: 0.5, still: true, alone: true, sized: true, rough: true, faceless: "Face not detected", models: []string{"checkpoints/latentsync_unet.pt", "checkpoints/whisper/tiny.pt"}, args: func(p program, film, audio, out string) ([]string, error) {
			return []string{"-m", "scripts.inference", "--unet_config_path", filepath.Join(p.Folder, "configs", "unet", "stage2.yaml"), "--inference_ckpt_path", filepath.Join(p.Folder, "checkpoints", "latentsync_unet.pt"),
				"--guidance_scale", "1.5", "--video_path", film, "--audio_path", audio, "--video_out_path", out, "--temp_dir", filepath.Join(filepath.Dir(out), parts)}, nil
		}}
	case "infinitetalk":
		return engine{source: "https://github.com/MeiGen-AI/InfiniteTalk", memory: 24, slow: 2, named: []string{"--ckpt_dir", "--wav2vec_dir", "--infinitetalk_dir"}, unless: map[string]string{"--infinitetalk_dir": "--quant"},
			// It refuses what has no more than the 81 pictures of a clip, and makes a second one for a single picture more.
			bound: bound{seconds: 82 / 25.0, short: []string{"--mode", "clip"}, clip: 81 / 25.0, more: 72 / 25.0}, args: func(p program, portrait, audio, out string) ([]string, error) {
				task := strings.TrimSuffix(out, ".mp4") + ".json"
				raw, err := json.Marshal(map[string]any{"prompt": "A person is talking", "cond_video": portrait, "cond_audio": map[string]string{"person1": audio}})
				if err == nil {
					err = os.WriteFile(task, raw, 0o600)
				}
				w := filepath.Join(p.Folder, "weights")
				return []string{"generate_infinitetalk.py", "--ckpt_dir", filepath.Join(w, "Wan2.1-I2V-14B-480P"), "--wav2vec_dir", filepath.Join(w, "chinese-wav2vec2-base"),
					"--infinitetalk_dir", filepath.Join(w, "InfiniteTalk", "single", "infinitetalk.safetensors"), "--input_json", task, "--size", "infinitetalk-480", "--mode", "streaming",
					"--num_persistent_param_in_dit", "0", // else all its 19 billion weights, 38 GB, would be on the GPU at once
					"--max_frame_num", strconv.Itoa(25 * maxSeconds), "--audio_save_dir", filepath.Dir(out), "--save_file", strings.TrimSuffix(out, ".mp4")}, err // its own bound is 40 seconds
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

// builtinSlow is about how many minutes a second of film takes the builtin engine, on two cores.
const builtinSlow = 0.005

// cases say what each engine needs, and how long it takes.
func cases() []sdk.Case {
	of := func(name string, slow float64) sdk.Case {
		return sdk.Case{When: []sdk.Choice{{Input: "engine", Value: name}}, Pace: &sdk.Pace{Seconds: slow * 60, Per: "audio", Made: "seconds"}}
	}
	preview := of("builtin", builtinSlow)
	preview.Note = "a preview: it only moves the picture"
	all := []sdk.Case{preview}
	for _, name := range programs() {
		e := engineOf(name)
		if e.memory == 0 {
			continue // of a person's own nothing is known
		}
		c := of(name, e.slow)
		c.Device = &sdk.DeviceNeed{Memory: usable(e.memory)}
		c.Instead = fmt.Sprintf(`it needs a machine with a GPU of %d GB or more: join one with spinbot agent --join; engine = "builtin" makes a preview on any machine`, e.memory)
		all = append(all, c)
	}
	return all
}

// usable is what can be had of a GPU that is sold as one of so many GB, in bytes.
func usable(gb int64) int64 { return (gb<<30 - gb<<30/12) >> 28 << 28 }

// command has an engine that is a program make the film.
func (s *stage) command(ctx context.Context, in talkIn, t *sdk.Task) (talkOut, error) {
	e, p := engineOf(in.Engine), s.program(in.Engine)
	if p.Folder == "" && len(p.Command) == 0 {
		hint := `name it: plugin "lipsync" { engines = { command = { command = ["/…", "{portrait}", "{audio}", "{video}"] } } }`
		if e.source != "" {
			hint = fmt.Sprintf("get it with git clone %s, with its models, on a machine with a GPU of %d GB, and name its folder: plugin \"lipsync\" { engines = { %s = { folder = \"/…\" } } }; engine = \"builtin\" makes a preview anywhere", e.source, e.memory, in.Engine)
		}
		return talkOut{}, sdk.Refuse(fmt.Sprintf("it is not known where the engine %s is on this machine", in.Engine), hint)
	}
	if e.alone {
		done, err := s.alone(ctx)
		if err != nil {
			return talkOut{}, err
		}
		defer done()
	}
	dir, sweep, err := bench(t.Scratch)
	if err != nil {
		return talkOut{}, err
	}
	made, err := s.make(ctx, e, dir, in, t)
	if err == nil && dir != t.Scratch {
		err = copyFile(made, video(t))
		made = video(t)
	}
	if err = errors.Join(err, sweep()); err != nil {
		return talkOut{}, err
	}
	return probe(ctx, made, in.Engine)
}

// make has an engine make the film in a folder, and gives its path.
func (s *stage) make(ctx context.Context, e engine, dir string, in talkIn, t *sdk.Task) (string, error) {
	p, out := s.program(in.Engine), filepath.Join(dir, "talk.mp4")
	portrait, err := withName(in.Portrait, dir, "portrait")
	if err != nil {
		return "", err
	}
	audio, err := withName(in.Audio, dir, "audio")
	if err != nil {
		return "", err
	}
	if e.sized {
		if portrait, err = sized(ctx, portrait, dir, in.Height); err != nil {
			return "", err
		}
	}
	if e.still {
		if portrait, err = stillFilm(ctx, portrait, audio, dir); err != nil {
			return "", err
		}
	}
	seconds, film := 0.0, clips{}
	if e.bound.seconds > 0 {
		if audio, seconds, err = e.bound.fill(ctx, in.Audio, dir); err != nil {
			return "", err
		}
		film.all = e.bound.clips(seconds)
	}
	args, err := e.args(p, portrait, audio, out)
	if err != nil {
		return "", err
	}
	if seconds < e.bound.seconds {
		args = append(args, e.bound.short...)
	}
	args = append(args, p.Args...)
	if err := e.there(in.Engine, p, args); err != nil {
		return "", err
	}
	if in.Engine != "command" {
		python := p.Python
		if python == "" {
			python = "python3"
		}
		args = append([]string{python}, args...)
	}
	t.Progress(-1, in.Engine+" works")
	said := &heard{}
	err = longrun.Run(ctx, longrun.Program{Name: in.Engine, Args: args, Dir: p.Folder, Smaller: smaller, Look: func() error { return said.waits(in.Engine) }, Line: func(text string) {
		said.line(text)
		t.Progress(film.share(text), text)
	}})
	if err != nil {
		return "", e.why(err, p, in)
	}
	made := out
	if _, err = os.Stat(out); err != nil { // SadTalker names its film itself
		made, err = newest(dir)
	}
	if err == nil && made == "" {
		err = said.noFilm(in.Engine)
	}
	if err == nil && e.rough {
		made, err = finished(ctx, made, audio, dir)
	}
	if err == nil && e.bound.seconds > 0 {
		return e.bound.spoken(ctx, made, in.Audio, seconds)
	}
	return made, err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// sized is the portrait at the height of the film. Both sides are even, as films want them.
func sized(ctx context.Context, portrait, dir string, height int) (string, error) {
	path := filepath.Join(dir, "face.png")
	return path, ffmpeg(ctx, []string{"-i", portrait, "-vf", fmt.Sprintf("scale=-2:%d", height/2*2), "-frames:v", "1", "-pix_fmt", "rgb24", path}, nothing)
}

// stillFilm is a film of the portrait, as long as the speech.
func stillFilm(ctx context.Context, portrait, audio, dir string) (string, error) {
	path := filepath.Join(dir, "still.avi") // not .mp4: it is not the result
	return path, ffmpeg(ctx, []string{"-loop", "1", "-framerate", "25", "-i", portrait, "-i", audio, "-map", "0:v", "-map", "1:a", "-c:v", "mjpeg", "-q:v", "2", "-c:a", "pcm_s16le", "-shortest", path}, nothing)
}

// finished is an engine's film with the speech as it was given, in the format that browsers play: SadTalker's is MPEG-4 part 2, which
// they do not, and both it and LatentSync leave 16,000 samples a second of the sound.
func finished(ctx context.Context, film, audio, dir string) (string, error) {
	ffprobe, err := installed("ffprobe")
	if err != nil {
		return "", err
	}
	// What cannot be read is none of these: ffmpeg says what is wrong with it.
	format, _ := exec.CommandContext(ctx, ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=codec_name,pix_fmt", "-of", "csv=p=0", film).Output()
	picture := []string{"-c:v", "copy"}
	if strings.TrimSpace(string(format)) != "h264,yuv420p" {
		picture = []string{"-c:v", "libx264", "-crf", "16", "-pix_fmt", "yuv420p"}
	}
	path := filepath.Join(dir, "finished.mp4")
	args := append([]string{"-i", film, "-i", audio, "-map", "0:v:0", "-map", "1:a:0"}, picture...)
	return path, ffmpeg(ctx, append(args, "-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart", path), nothing)
}

// nothing is what ffmpeg is fed that reads files.
func nothing(io.Writer) error { return nil }

// parts is the folder of what LatentSync makes its film of, which is no film to take.
const parts = "parts"

// newest gives the film that was written last into a folder or those in it.
func newest(dir string) (string, error) {
	var best string
	var at time.Time
	err := filepath.Walk(dir, func(path string, st os.FileInfo, err error) error {
		if err == nil && st.IsDir() && st.Name() == parts {
			return filepath.SkipDir
		}
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
