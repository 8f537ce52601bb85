// Package smi reads devices from what the vendors' own programs print: nvidia-smi where NVML is not built in, does not
// open or knows less (inside Windows), and amd-smi for ROCm. A program that is not there is no error.
package smi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Run runs a program and gives what it prints. exec.ErrNotFound says that it is not installed.
type Run func(ctx context.Context, program string, args ...string) ([]byte, error)

// most is how many bytes of a program's output are read: nvidia-smi prints about 130 KB for each GPU.
const most = 16 << 20

// Programs runs what is installed, in PATH or where Windows puts nvidia-smi into its Linux.
func Programs(ctx context.Context, program string, args ...string) ([]byte, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		path, err = exec.LookPath("/usr/lib/wsl/lib/" + program)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", program, exec.ErrNotFound)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	out, said := &limited{}, &limited{}
	cmd.Stdout, cmd.Stderr = out, said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		text := firstLine(said.buf.String() + "\n" + out.buf.String())
		return nil, fmt.Errorf("%s: %w: %s", program, err, text)
	}
	return out.buf.Bytes(), nil
}

// limited refuses more than most bytes. It is no bytes.Buffer, which would read to the end by itself.
type limited struct{ buf bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.buf.Len()+len(p) > most {
		return 0, errors.New("it prints no end")
	}
	return l.buf.Write(p)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line[:min(len(line), 200)]
}

// missing says whether a program is not installed.
func missing(err error) bool { return errors.Is(err, exec.ErrNotFound) }

// number reads the number at the beginning of a value such as "97887 MiB" or "27 C". "N/A" and the like have none.
func number(text string) (float64, bool) {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.ParseFloat(word, 64)
	return n, err == nil && n == n
}

// size reads a number of bytes: "97887 MiB". Both vendors mean 1024 by every unit.
func size(text string) (int64, bool) {
	n, ok := number(text)
	if !ok || n < 0 || n > 1<<62 {
		return 0, false
	}
	_, unit, _ := strings.Cut(strings.TrimSpace(text), " ")
	return int64(n * float64(units[strings.ToUpper(strings.TrimSpace(unit))])), true
}

var units = map[string]int64{
	"": 1, "B": 1, "KB": 1 << 10, "KIB": 1 << 10, "MB": 1 << 20, "MIB": 1 << 20, "GB": 1 << 30, "GIB": 1 << 30,
}

func of[T any](v T) *T { return &v }

// whole makes a figure of a number, nil of none.
func whole(n float64, ok bool) *int {
	if !ok {
		return nil
	}
	return of(int(n + 0.5))
}
