package av

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/picture"
)

// Facts are what a media file holds.
type Facts struct {
	Seconds  float64 `spin:"seconds" doc:"Duration; 0 for a picture"`
	Width    int     `spin:"width" doc:"Pixels; 0 without a picture"`
	Height   int     `spin:"height" doc:"Pixels; 0 without a picture"`
	FPS      float64 `spin:"fps" doc:"Frames a second; 0 without moving pictures"`
	Video    string  `spin:"video" doc:"Codec of the pictures, or empty"`
	Audio    string  `spin:"audio" doc:"Codec of the sound, or empty"`
	Format   string  `spin:"format" doc:"Container"`
	Channels int     `spin:"channels" doc:"Sound channels"`
}

// Probe asks ffprobe about a file; name is what people call it.
func Probe(ctx context.Context, path, name string) (out Facts, err error) {
	tool, err := Program("ffprobe")
	if err != nil {
		return out, err
	}
	unknown := &sdk.Error{Cause: sdk.CauseFailed, Permanent: true, Message: Quoted(name) + " is no video, sound or picture that ffmpeg knows",
		Hint: "check the file by opening it in a player"}
	cmd := exec.CommandContext(ctx, tool, "-v", "error", "-print_format", "json", "-show_format", "-show_streams", path)
	OwnGroup(cmd)
	var stdout bytes.Buffer
	var stderr Tail
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return out, context.Cause(ctx)
		}
		unknown.Detail = stderr.String()
		return out, unknown
	}
	var raw struct {
		Format struct {
			Duration string `json:"duration"`
			Name     string `json:"format_name"`
		} `json:"format"`
		Streams []struct {
			Type     string `json:"codec_type"`
			Codec    string `json:"codec_name"`
			Width    int    `json:"width"`
			Height   int    `json:"height"`
			Rate     string `json:"avg_frame_rate"`
			Channels int    `json:"channels"`
			Side     []struct {
				Rotation float64 `json:"rotation"`
			} `json:"side_data_list"`
		} `json:"streams"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &raw); err != nil {
		return out, err
	}
	out.Format = raw.Format.Name
	if d, err := strconv.ParseFloat(raw.Format.Duration, 64); err == nil && !math.IsNaN(d) && !math.IsInf(d, 0) {
		out.Seconds = d
	}
	for _, s := range raw.Streams {
		switch {
		case s.Type == "video" && out.Video == "":
			out.Video, out.Width, out.Height, out.FPS = s.Codec, s.Width, s.Height, rate(s.Rate)
			for _, side := range s.Side { // of a phone that was held upright; ffmpeg turns its pictures
				if math.Mod(math.Abs(math.Round(side.Rotation)), 180) == 90 {
					out.Width, out.Height = s.Height, s.Width
				}
			}
			if s.Codec == "mjpeg" && sideways(path) {
				out.Width, out.Height = s.Height, s.Width
			}
		case s.Type == "audio" && out.Audio == "":
			out.Audio, out.Channels = s.Codec, s.Channels
		}
	}
	if out.Audio == "" && out.Width == 0 { // a file that is only named like a picture
		unknown.Detail = stderr.String()
		return out, unknown
	}
	return out, nil
}

// sideways says whether a file is a photo that lies on its side: ffmpeg turns it, and ffprobe does not say so.
func sideways(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return picture.Sideways(f)
}

// rate reads "30000/1001".
func rate(s string) float64 {
	num, den, _ := strings.Cut(s, "/")
	n, err1 := strconv.ParseFloat(num, 64)
	d, err2 := strconv.ParseFloat(den, 64)
	if err1 != nil || err2 != nil || d == 0 {
		return 0
	}
	return n / d
}

// Quoted is the name of a file for a sentence.
func Quoted(name string) string {
	if name == "" {
		return "the file"
	}
	return strconv.Quote(name)
}
