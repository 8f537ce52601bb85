package pipetest

import (
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// suggestion is the mock to write for a node type, in HCL.
func suggestion(t sdk.NodeType) string {
	var required []sdk.Property
	width := 0
	for _, p := range t.Outputs.Properties {
		if t.Outputs.IsRequired(p.Name) {
			required, width = append(required, p), max(width, len(p.Name))
		}
	}
	var b strings.Builder
	b.WriteString("mock \"" + t.Name + "\" {\n  outputs = {")
	for _, p := range required {
		b.WriteString("\n    " + p.Name + strings.Repeat(" ", width-len(p.Name)) + " = " + example(p.Schema, p.Name))
	}
	if len(required) > 0 {
		b.WriteString("\n  ")
	}
	return b.String() + "}\n}"
}

// example is a value of a schema, in HCL.
func example(s sdk.Schema, name string) string {
	switch {
	case s.IsArtifact():
		ext := ""
		for _, accept := range s.Accept {
			if e := extensions[accept]; e != "" && ext == "" {
				ext = e
			}
		}
		return `artifact("testdata/` + name + ext + `")`
	case len(s.Enum) > 0:
		if text, ok := s.Enum[0].(string); ok {
			return strconv.Quote(text)
		}
	}
	return map[string]string{"string": `"…"`, "number": "1", "integer": "1", "boolean": "true", "array": "[]"}[s.Type] + map[bool]string{true: "{}"}[s.Type == "object" || s.Type == ""]
}

// extensions of the media types that node types say they give.
var extensions = map[string]string{
	"video/mp4": ".mp4", "video/*": ".mp4", "audio/wav": ".wav", "audio/*": ".wav", "image/png": ".png", "image/*": ".png",
	"image/jpeg": ".jpg", "application/x-subrip": ".srt", "text/plain": ".txt", "text/markdown": ".md", "application/json": ".json",
}
