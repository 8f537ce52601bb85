// Package value is what the control nodes that ship share: paths into a value, texts that inputs give, and one key for
// equal values.
package value

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// Path leads into a value: speaker.name, words[0].text, ["odd key"]. The empty path is the value itself.
type Path struct {
	text  string
	steps []step
}

// step is a name, or a position when name is empty and at says which; negative ones count from the end.
type step struct {
	name  string
	at    int
	index bool
}

// maxPath is the longest path in bytes.
const maxPath = 1000

// ParsePath reads a path, or says what is wrong with it.
func ParsePath(text string) (Path, error) {
	p := Path{text: text}
	if len(text) > maxPath {
		return p, p.bad("it is too long")
	}
	for rest := text; rest != ""; {
		var s step
		var err error
		switch {
		case rest[0] == '[':
			s, rest, err = bracket(rest)
		case rest[0] == '.' && len(p.steps) > 0:
			s, rest, err = name(rest[1:])
		case len(p.steps) == 0:
			s, rest, err = name(rest)
		default:
			err = errors.New("after ] want . or [")
		}
		if err != nil {
			return p, p.bad(err.Error())
		}
		p.steps = append(p.steps, s)
	}
	return p, nil
}

func (p Path) bad(why string) error {
	return sdk.Refuse("the path "+strconv.Quote(short(p.text))+" cannot be read: "+why, `write it like speaker.name, words[0].text or ["odd key"]`)
}

func name(s string) (step, string, error) {
	n := strings.IndexAny(s, ".[")
	if n < 0 {
		n = len(s)
	}
	if n == 0 || strings.ContainsAny(s[:n], "]\"' ") {
		return step{}, "", errors.New("a name is missing, or needs quotes and brackets")
	}
	return step{name: s[:n]}, s[n:], nil
}

func bracket(s string) (step, string, error) {
	if strings.HasPrefix(s, `["`) {
		quoted, err := strconv.QuotedPrefix(s[1:])
		if err != nil || !strings.HasPrefix(s[1+len(quoted):], "]") {
			return step{}, "", errors.New(`["…"] does not end`)
		}
		key, err := strconv.Unquote(quoted)
		return step{name: key}, s[2+len(quoted):], err
	}
	inner, rest, ok := strings.Cut(s[1:], "]")
	at, err := strconv.Atoi(inner)
	if !ok || err != nil {
		return step{}, "", errors.New("in brackets want a position or a quoted name")
	}
	return step{at: at, index: true}, rest, nil
}

// String gives the path as it was written.
func (p Path) String() string { return p.text }

// Of follows the path. It is not there when a name or position is missing, or the value is null.
func (p Path) Of(x any) (any, bool) {
	for _, s := range p.steps {
		x = s.of(x)
	}
	return x, x != nil
}

func (s step) of(x any) any {
	switch x := x.(type) {
	case map[string]any:
		if !s.index {
			return x[s.name]
		}
	case sdk.Values:
		if !s.index {
			return x[s.name]
		}
	case sdk.Artifact:
		if !s.index {
			return Fields(x)[s.name]
		}
	case []any:
		at := s.at
		if at < 0 {
			at += len(x)
		}
		if s.index && at >= 0 && at < len(x) {
			return x[at]
		}
	}
	return nil
}

// Fields is an artifact as the pipeline language sees it.
func Fields(a sdk.Artifact) map[string]any {
	return map[string]any{
		"digest": a.Digest, "media_type": a.MediaType, "name": a.Name,
		"size": json.Number(strconv.FormatInt(a.Size, 10)),
	}
}
