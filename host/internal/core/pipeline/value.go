package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/expr/datum"
	"github.com/myspinbot/spinbot/sdk"
)

// JoinPath is the path of a part of what is named.
func JoinPath(name, path string) string {
	if path == "" || path[0] == '[' {
		return name + path
	}
	return name + "." + path
}

// Describe is the documentation of an input, for the detail of a diagnostic.
func Describe(s *sdk.Schema, path string) string {
	if path != "" {
		return ""
	}
	return s.Description
}

// CutName takes an input's name off the front of a violation's path.
func CutName(path, name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, name)
	return rest, ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Take reads one variable's value. What is wrong with a private one is said without showing it.
func (v *Variable) Take(given sdk.Values, private bool) (any, diagnostic.Diagnostics) {
	x := given[v.Name]
	if x == nil {
		if v.HasDefault {
			return datum.Clone(v.Default), nil
		}
		detail := "give it with --var " + v.Name + "=…"
		if v.Schema.IsArtifact() {
			detail = "give it with --artifact " + v.Name + "=FILE"
		}
		if v.Description != "" {
			detail = v.Description + "\n" + detail
		}
		return nil, diagnostic.One(v.Range, detail, "variable %q needs a value", v.Name)
	}
	x, err := v.FromText(x)
	if err != nil {
		detail := err.Error()
		if private {
			detail = "it is sensitive, so its value is not shown"
		}
		return nil, diagnostic.One(v.Range, detail, "variable %q: want %s", v.Name, v.Type)
	}
	x = datum.Coerce(&v.Schema, x)
	var ds diagnostic.Diagnostics
	for _, f := range v.Schema.Check(x) {
		if private {
			f.Message = Hide(f.Message)
		}
		ds = append(ds, diagnostic.One(v.Range, v.Description, "variable %q: %s", v.Name, f)...)
	}
	return x, append(ds, v.tooLarge(x)...)
}

// FromText reads text as the variable's type, as it comes from a command line.
func (v *Variable) FromText(x any) (any, error) {
	text, isText := x.(string)
	switch {
	case !isText, v.Schema.Type == "", v.Schema.Type == "string":
		return x, nil
	case v.Schema.IsArtifact():
		return nil, fmt.Errorf("%q is text; give a file with --artifact %s=FILE", text, v.Name)
	case v.Schema.Type == "array", v.Schema.Type == "object":
		example := `["a", "b"]`
		if v.Schema.Type == "object" {
			example = `{"a": "b"}`
		}
		parsed, err := fromJSON(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not JSON; write it like --var '%s=%s'", shorten(text), v.Name, example)
		}
		return parsed, nil
	}
	return strings.TrimSpace(text), nil
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

func fromJSON(text string) (x any, err error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err = d.Decode(&x); err != nil {
		return nil, err
	}
	if _, err = d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more follows the value")
	}
	return x, nil
}

func (v *Variable) tooLarge(x any) (ds diagnostic.Diagnostics) {
	if v.MaxSize == 0 {
		return nil
	}
	check := func(a sdk.Artifact) (sdk.Artifact, error) {
		if a.Size > v.MaxSize {
			name := a.Name
			if name == "" {
				name = "the artifact"
			}
			ds = append(ds, diagnostic.One(v.Range, "give a smaller file", "variable %q: %s has %s; at most %s are taken",
				v.Name, name, sdk.FormatSize(a.Size), sdk.FormatSize(v.MaxSize))...)
		}
		return a, nil
	}
	_ = sdk.Values{v.Name: x}.EachArtifact(check) // check gives no errors, and the artifacts as they are
	return ds
}
