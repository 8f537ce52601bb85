package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	keptLines = 40 // of what an engine said, for the error
	stuckFor  = 30 // such lines in a row: SadTalker says one a second
	smaller   = "a smaller height, a shorter speech"
)

// heard is what an engine that is a program said.
type heard struct {
	lines []string // the last ones
	stuck int      // how often it said in a row that it waits for memory
}

func (h *heard) line(text string) {
	if h.lines = append(h.lines, text); len(h.lines) > keptLines {
		h.lines = h.lines[1:]
	}
	h.stuck++
	if !strings.HasPrefix(text, "Warning: out of memory, sleep") {
		h.stuck = 0
	}
}

func (h *heard) detail() string { return strings.Join(h.lines, "\n") }

// waits is an error when the engine only waits for memory, which SadTalker does for ever.
func (h *heard) waits(engine string) error {
	if h.stuck < stuckFor {
		return nil
	}
	return &sdk.Error{Cause: sdk.CauseOOM, Message: engine + " ran out of device memory", Hint: "use " + smaller + ", or a larger device", Detail: h.detail()}
}

// noFilm is the error of an engine that ended well and left none.
func (h *heard) noFilm(engine string) error {
	e := sdk.Fail(engine+" ended well and left no film: "+last(h.detail()), "its last lines are in the details; is it of a version that this plugin knows?")
	e.Detail = h.detail()
	return e
}

// why adds to an engine's failure what its last words do not tell: that it found no face, or what it lacks on this machine.
func (e engine) why(err error, p program, in talkIn) error {
	failed := sdk.AsError(err)
	if failed.Cause != sdk.CauseFailed {
		return err
	}
	if e.faceless != "" && strings.Contains(failed.Detail, e.faceless) {
		none := sdk.Refuse(in.Engine+" found no face in "+in.Portrait.Name, "give a picture of one face, seen from the front, large enough in it")
		none.Detail = failed.Detail
		return none
	}
	told := *failed
	says := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(failed.Message, t) })
	}
	switch {
	case says("ModuleNotFoundError: ", "ImportError: "):
		told.Hint = fmt.Sprintf(`name the Python of its environment: plugin "lipsync" { engines = { %s = { python = "/…/bin/python" } } }; if that is the one, it lacks what its README has people install, or is of another version`, in.Engine)
		return &told
	case says("signal: killed"):
		told.Hint = "it was killed, as systems do when memory runs out: use " + smaller + ", or a machine with more; its last lines are in the details"
		return &told
	case says("CUDA enabled", "NVIDIA driver", "No CUDA GPUs"):
		told.Hint = "it needs a GPU of NVIDIA and a PyTorch built for it"
		return &told
	}
	for _, m := range e.models {
		if _, err := os.Stat(filepath.Join(p.Folder, m)); err != nil {
			told.Hint = fmt.Sprintf("%s is not in %s: get its models as its README says; its last lines are in the details", m, p.Folder)
			return &told
		}
	}
	if says("FileNotFoundError: ") {
		told.Hint = "see that all its models are there, as its README says; its last lines are in the details"
	}
	return &told
}
