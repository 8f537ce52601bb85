package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
)

func (p *program) demoCommand() *cobra.Command {
	in := runInput{}
	var voice, height string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Make the explainer video from the article and the picture that ship",
		Long:  "Runs pipelines/explainer.hcl with the article and the picture beside it, and prints the path, duration,\nresolution and size of the finished video.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := examples()
			if err != nil {
				return err
			}
			if err := demoTools(); err != nil {
				return err
			}
			in.artifacts = []string{"article=" + filepath.Join(dir, "explainer", "article.md"),
				"picture=" + filepath.Join(dir, "explainer", "picture.jpg")}
			for name, value := range map[string]string{"voice": voice, "height": height} {
				if value != "" {
					in.vars = append(in.vars, name+"="+value)
				}
			}
			return p.with(c.Context(), func(s *session) error {
				return p.run(c.Context(), s, filepath.Join(dir, "explainer.hcl"), in)
			})
		},
	}
	c.Flags().StringVar(&in.out, "out", "demo", "the folder to write the video, captions and thumbnail in")
	c.Flags().StringVar(&voice, "voice", "", "the voice (default: the pipeline's)")
	c.Flags().StringVar(&height, "height", "", "the video's height in pixels (default: the pipeline's)")
	p.jsonFlag(c)
	return c
}

// examples finds the pipelines that ship: beside bin/, or installed under share/.
func examples() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	bin := filepath.Dir(exe)
	for _, dir := range []string{os.Getenv("SPINBOT_PIPELINES"), filepath.Join(bin, "..", "pipelines"),
		filepath.Join(bin, "..", "share", "spinbot", "pipelines"), filepath.Join(bin, "pipelines"), "pipelines"} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, "explainer.hcl")); err == nil {
			return filepath.Clean(dir), nil
		}
	}
	return "", fmt.Errorf("the pipelines that ship are not beside %s; unpack the whole archive, or set SPINBOT_PIPELINES to their folder", exe)
}

// shippedTrain is the file of the pipeline train that ships; empty: it is not there.
func shippedTrain() string {
	dir, err := examples()
	if err != nil {
		return ""
	}
	file, err := filepath.Abs(filepath.Join(dir, "train.hcl"))
	if _, missing := os.Stat(file); err != nil || missing != nil {
		return ""
	}
	return file
}

// demoTools says which command installs what the demo needs and the machine lacks.
func demoTools() error {
	var packages []string
	if !found("ffmpeg") || !found("ffprobe") {
		packages = append(packages, "ffmpeg")
	}
	if !found("piper", "flite", "espeak-ng") {
		packages = append(packages, "espeak-ng")
	}
	if len(packages) == 0 {
		return nil
	}
	text := "the demo needs"
	for i, name := range packages {
		if i > 0 {
			text += " and"
		}
		text += " " + name
	}
	return errors.New(text + ", which this machine lacks; install with: " + installCommand(packages))
}

// found says whether any of the programs is on the path.
func found(names ...string) bool {
	for _, n := range names {
		if _, err := exec.LookPath(n); err == nil {
			return true
		}
	}
	return false
}

func installCommand(packages []string) string {
	managers := []struct{ program, command string }{
		{"apt-get", "sudo apt-get install -y"}, {"dnf", "sudo dnf install"}, {"pacman", "sudo pacman -S"},
		{"zypper", "sudo zypper install"}, {"apk", "sudo apk add"}, {"brew", "brew install"},
	}
	if runtime.GOOS == "darwin" {
		managers = managers[len(managers)-1:]
	}
	command := managers[0].command
	if runtime.GOOS == "darwin" {
		command = "brew install"
	}
	for _, m := range managers {
		if found(m.program) {
			command = m.command
			break
		}
	}
	for _, p := range packages {
		command += " " + p
	}
	return command
}
