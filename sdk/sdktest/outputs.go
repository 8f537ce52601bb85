package sdktest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// checkOutputs compares outputs with what the node type promises.
func checkOutputs(t testing.TB, nt sdk.NodeType, task *sdk.Task, out sdk.Values) {
	for _, v := range nt.Outputs.Check(out) {
		t.Errorf("outputs do not fit their schema: %s", v)
	}
	for _, p := range nt.Outputs.Properties {
		wanted, given := task.Inputs[p.Schema.TypeFrom], out[p.Name]
		if p.Schema.TypeFrom == "" || wanted == nil || given == nil {
			continue
		}
		schema, err := sdk.SchemaFromValues(wanted)
		if err != nil {
			t.Errorf("input %q is no type: %v", p.Schema.TypeFrom, err)
			continue
		}
		for _, v := range schema.Check(given) {
			t.Errorf("output %q does not fit the type in input %q: %s", p.Name, p.Schema.TypeFrom, v)
		}
	}
	given := map[string]bool{}
	_ = eachArtifact(task.Inputs, func(a sdk.Artifact) error { given[a.Digest] = true; return nil })
	err := eachArtifact(out, func(a sdk.Artifact) error { return checkArtifact(a, given, task.Scratch) })
	if err != nil {
		t.Errorf("outputs: %v", err)
	}
}

// eachArtifact looks at every artifact and changes none.
func eachArtifact(v sdk.Values, fn func(sdk.Artifact) error) error {
	return v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) { return a, fn(a) })
}

// checkArtifact takes an artifact that the task was given, or a new file in its scratch folder.
func checkArtifact(a sdk.Artifact, given map[string]bool, scratch string) error {
	switch {
	case a.Digest != "" && given[a.Digest]:
		return nil
	case a.Digest != "":
		return fmt.Errorf("artifact %s is none of the task's inputs, and the host gives new files their digest", a.Digest)
	}
	if a.Name != "" {
		if err := sdk.CheckArtifactName(a.Name); err != nil {
			return err
		}
	}
	return checkFile(a.Path, scratch)
}

// checkFile wants a regular file with something in it, inside the scratch folder.
func checkFile(path, scratch string) error {
	if path == "" {
		return errors.New("an artifact without a Path; make it with sdk.File")
	}
	f, err := open(path, scratch)
	if err != nil {
		return err
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path)
	case info.Size() == 0:
		return fmt.Errorf("the file %s is empty", path)
	}
	return nil
}

// open opens a file of the scratch folder; a relative path counts from there.
func open(path, scratch string) (*os.File, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(scratch, path)
	}
	rel, err := filepath.Rel(scratch, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("%s lies outside the task's scratch folder", path)
	}
	root, err := os.OpenRoot(scratch)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	f, err := root.Open(rel)
	if err != nil {
		return nil, fmt.Errorf("%s is no file in the task's scratch folder: %w", path, err)
	}
	return f, nil
}

// fingerprint is equal for outputs that are equal, files by what they hold.
func fingerprint(t testing.TB, task *sdk.Task, output any) string {
	v := sdk.Values{"": output}
	err := v.EachArtifact(func(a sdk.Artifact) (sdk.Artifact, error) {
		if a.Digest != "" {
			return a, nil
		}
		f, err := open(a.Path, task.Scratch)
		if err != nil {
			return a, err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		a.Digest = hex.EncodeToString(h.Sum(nil))
		return a, err
	})
	b, berr := v.AppendBinary(nil, false)
	if err := errors.Join(err, berr); err != nil {
		t.Errorf("outputs: %v", err)
	}
	return string(b)
}
