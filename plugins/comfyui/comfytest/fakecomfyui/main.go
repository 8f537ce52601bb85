// Command fakecomfyui is comfytest's server as a program. It prints its address, and ends when it is told to.
//
//	fakecomfyui [-size BYTES] [-card URL] [-version VERSION] [-packs NAME=VERSION] [-lacks FILE]
//
// With -card it asks there for room: POST URL?pid=…&model=…&bytes=…, 0 bytes when a model goes; an answer other than 200 means that there is
// none. As long as the file of -lacks is there, it does not have the class that is named in it. Its one checkpoint is model.safetensors. SIGHUP lets nodes FakeWait go on.
package main

import (
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/myspinbot/spinbot/plugins/comfyui/comfytest"
)

func main() {
	s := comfytest.Server{Checkpoints: []string{"model.safetensors"}}
	flag.Int64Var(&s.Size, "size", 0, "bytes that a loaded model takes")
	flag.StringVar(&s.Version, "version", "", "version that it says it has")
	flag.Func("packs", "`NAME=VERSION` of a node pack, as ComfyUI-Manager tells it", func(text string) error {
		name, version, _ := strings.Cut(text, "=")
		s.Packs = map[string]string{name: version}
		return nil
	})
	lacks := flag.String("lacks", "", "file that names a class which it does not have")
	card := flag.String("card", "", "where to ask for room")
	flag.Parse()
	s.Lacks = func() []string {
		text, err := os.ReadFile(*lacks)
		if err != nil {
			return nil // there is none, or no more
		}
		return []string{strings.TrimSpace(string(text))}
	}
	if *card != "" {
		s.Card = func(model string, loads bool) error {
			size := int64(0)
			if loads {
				size = s.Size
			}
			res, err := http.PostForm(*card, url.Values{"pid": {fmt.Sprint(os.Getpid())}, "model": {model}, "bytes": {fmt.Sprint(size)}})
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return fmt.Errorf("%s", res.Status)
			}
			return nil
		}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	s.Start(process{})
	fmt.Println("listens on", s.URL())
	for sig := range signals {
		if sig != syscall.SIGHUP {
			return
		}
		s.Go()
	}
}

// process is what a server starts for when there is no test: all ends with it.
type process struct{ testing.TB }

// Cleanup does nothing: the process ends.
func (process) Cleanup(func()) {}
