package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/myspinbot/spinbot/sdk/client"
)

// maxPipeline bounds a pipeline file in bytes.
const maxPipeline = 16 << 20

// sourceOf names a pipeline file to the host on this machine; "-" is standard input.
func sourceOf(file string) (client.Source, error) {
	if file == "-" {
		raw, err := io.ReadAll(io.LimitReader(os.Stdin, maxPipeline))
		return client.Source{Name: "stdin.hcl", Text: string(raw)}, err
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return client.Source{}, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return client.Source{}, missing(file)
	case err != nil:
		return client.Source{}, err
	case info.IsDir():
		return client.Source{}, errors.New(file + " is a folder; name the pipeline file in it")
	case info.Size() > maxPipeline:
		return client.Source{}, errors.New(file + " is larger than 16 MiB, which no pipeline is")
	}
	return client.Source{Path: path}, nil
}

// missing says that a file is not there, and which one may have been meant.
func missing(file string) error {
	text := "there is no file " + file
	if entries, err := os.ReadDir(filepath.Dir(file)); err == nil {
		for _, e := range entries {
			if e.Name() == filepath.Base(file)+".hcl" || strings.EqualFold(e.Name(), filepath.Base(file)) {
				return errors.New(text + "; did you mean " + filepath.Join(filepath.Dir(file), e.Name()) + "?")
			}
		}
	}
	return errors.New(text)
}
