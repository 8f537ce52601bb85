// Package program runs the programs that speak and listen: each to its end, killed with all that it started where its task is cancelled.
// It also writes into a task's scratch folder, and says what to do where that does not go.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/myspinbot/spinbot/sdk"
)

// Look explains a missing program in a word.
func Look(name string) error {
	if _, err := exec.LookPath(name); err != nil {
		return errors.New("not installed")
	}
	return nil
}

// Run runs a program to its end and gives what it printed; input goes to its standard input. What it complained of last is in the error.
func Run(ctx context.Context, input []byte, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	ownGroup(cmd)
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		said := []rune(OneLine(stderr.String()))
		switch {
		case len(said) == 0:
			return nil, fmt.Errorf("%s: %w", name, err)
		case len(said) > MaxSaid:
			said = append([]rune("…"), said[len(said)-MaxSaid:]...)
		}
		return nil, fmt.Errorf("%s: %w: %s", name, err, string(said))
	}
	return stdout.Bytes(), nil
}

// MaxSaid is how many characters of what a program or a service says are repeated in errors.
const MaxSaid = 300

// OneLine makes one printable line of what a program or a service said.
func OneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)), " ")
}

// WriteFile writes a file into the scratch folder.
func WriteFile(path string, data []byte) error {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return ScratchError(err, filepath.Dir(path))
	}
	return nil
}

// ScratchError says what to do about a folder that cannot be written into.
func ScratchError(err error, dir string) error {
	if IsFull(err) {
		return sdk.Fail("the disk is full: no room to write in "+dir, "free some space there, then resume the run")
	}
	return sdk.Fail("cannot write into the scratch folder: "+err.Error(), "see that the folder is there and that the host may write into it")
}

// IsFull says whether an error is that of a full disk. It also recognises what programs print.
func IsFull(err error) bool { return strings.Contains(strings.ToLower(err.Error()), "no space left") }
