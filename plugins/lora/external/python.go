package external

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/myspinbot/spinbot/plugins/lora/job"
	"github.com/myspinbot/spinbot/sdk"
)

// environment gives the Python of an environment with what a trainer needs. It is made once, by uv if that is there, else by venv and pip.
func environment(ctx context.Context, j *job.Job, requirements string) (string, error) {
	dir := filepath.Join(j.Config.Work, "python", j.In.Trainer+"-"+digest8([]byte(requirements)))
	python := filepath.Join(dir, "bin", "python")
	unlock, err := lock(dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	where := dir
	if j.Program.Folder != "" {
		where = j.Program.Folder // a requirements.txt may name its own folder as "."
	}
	ready := filepath.Join(dir, "ready")
	if job.Exists(ready) {
		return python, nil
	}
	if err := os.RemoveAll(dir); err != nil { // half made
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o600); err != nil {
		return "", err
	}
	j.Task.Progress(-1, "making a Python environment for "+j.In.Trainer+", once: this takes minutes")
	steps := [][]string{{"python3", "-m", "venv", dir}, {python, "-m", "pip", "install", "--no-input", "-r", list}}
	if uv, err := exec.LookPath("uv"); err == nil {
		steps = [][]string{{uv, "venv", "--allow-existing", dir}, {uv, "pip", "install", "--python", python, "-r", list}}
	}
	for _, args := range steps {
		if err := run(ctx, j, order{args: args, dir: where, bar: regexp.MustCompile(`^\b$`)}); err != nil { // its bars are not of steps
			if e := sdk.AsError(err); ctx.Err() == nil {
				return "", &sdk.Error{Cause: sdk.CauseFailed, Message: "the Python environment cannot be made: " + e.Message, Detail: e.Detail,
					Hint: "see that this machine reaches Python's package index and has python3 with venv, or name a Python that has what the trainer needs: plugin \"lora\" { trainers = { " + strconv.Quote(j.In.Trainer) + " = { python = … } } }"}
			}
			return "", err
		}
	}
	return python, os.WriteFile(ready, nil, 0o600)
}

// inFolder gives what a trainer needs that is run from its source: beside what its requirements.txt says, which leaves out what its README has
// people install before.
func inFolder(p job.Program, name, where, before string) (string, error) {
	if p.Folder == "" {
		return "", sdk.Refuse("it is not known where "+name+" is on this machine", "get it with git clone "+where+", and name its folder: plugin \"lora\" { trainers = { "+strconv.Quote(name)+" = { folder = \"/…\" } } }")
	}
	list := filepath.Join(p.Folder, "requirements.txt")
	raw, err := os.ReadFile(list)
	if errors.Is(err, fs.ErrNotExist) {
		return "", sdk.Refuse(fmt.Sprintf("%s is not the folder of %s: it has no requirements.txt", p.Folder, name), "name the folder that git clone made")
	}
	// Not a copy: it may name others beside it. What it says is part of the environment's name.
	return fmt.Sprintf("%s-r %s\n# %s\n", before, list, digest8(raw)), err
}
