package comfytest

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// texts is an argument that may come more than once.
type texts []string

func (t *texts) String() string        { return strings.Join(*t, " ") }
func (t *texts) Set(text string) error { *t = append(*t, text); return nil }

// Program is ComfyUI's main.py: it serves until it is ended, and gives why it could not. The models are those of models below its folder and
// of extra_model_paths.yaml; the device is what the environment lets it see. Arguments that ComfyUI does not know end it, as they end the real one.
func Program(args []string) error {
	s := &Server{}
	f := flag.NewFlagSet("main.py", flag.ContinueOnError)
	host, port := f.String("listen", "127.0.0.1", ""), f.String("port", "8188", "")
	var more texts
	f.Var(&more, "extra-model-paths-config", "")
	for _, name := range []string{"preview-method", "max-upload-size", "database-url", "input-directory", "output-directory", "temp-directory", "reserve-vram"} {
		f.String(name, "", "")
	}
	user := f.String("user-directory", "", "")
	for _, name := range []string{"disable-auto-launch", "lowvram", "disable-metadata"} {
		f.Bool(name, false, "")
	}
	cpu := f.Bool("cpu", false, "")
	if err := f.Parse(args); err != nil {
		return err
	}
	if info, err := os.Stat(*user); err != nil || !info.IsDir() {
		return fmt.Errorf("main.py: error: argument --user-directory: %q is not a directory", *user)
	}
	s.Device = "cuda:0 " + os.Getenv("CUDA_VISIBLE_DEVICES")
	if *cpu {
		s.Device = "cpu"
	}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	s.Models = []string{filepath.Join(dir, "models")}
	for _, file := range more {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, rest, _ := strings.Cut(string(raw), "base_path: \"")
		base, _, ok := strings.Cut(rest, "\"\n")
		if !ok || !strings.Contains(rest, "\"loras\": \"loras\"") {
			return errors.New("extra_model_paths.yaml names no folder of loras")
		}
		s.Models = append(s.Models, base)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(*host, *port))
	if err != nil {
		return err
	}
	h := s.handler()
	go s.work() // as long as the process
	fmt.Println("Total VRAM 24576 MB, total RAM 65536 MB\nTo see the GUI go to: http://" + l.Addr().String())
	return http.Serve(l, h)
}
