package jsonquery

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// decode reads JSON text, numbers exactly.
func decode(text, what string) (any, error) {
	if n := count(text); n > maxValues {
		return nil, sdk.Refuse(what+" holds more than "+strconv.Itoa(maxValues)+" values", "cut it up before")
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil, wrong(err, text, what)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, sdk.Refuse(what+", "+place(text, int(d.InputOffset()))+": something follows the value", "give one JSON value")
	}
	return x, nil
}

// count tells how many values JSON text holds at least, before any is made.
func count(text string) int {
	n, within := 1, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && within:
			i++
		case c == '"':
			within = !within
		case !within && (c == ',' || c == '[' || c == '{'):
			n++
		}
	}
	return n
}

func wrong(err error, text, what string) error {
	hint := "give JSON: objects, lists, texts in double quotes, numbers, true, false, null"
	var s *json.SyntaxError
	switch {
	case errors.As(err, &s):
		return sdk.Refuse(what+" is no JSON: "+place(text, int(s.Offset)-1)+": "+s.Error(), hint)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return sdk.Refuse(what+" is no JSON: it ends too early", hint)
	}
	return sdk.Refuse(what+" is no JSON: "+err.Error(), hint)
}

func place(text string, at int) string {
	before := text[:min(max(at, 0), len(text))]
	line := strings.LastIndexByte(before, '\n') + 1
	return "line " + strconv.Itoa(1+strings.Count(before, "\n")) + ", column " + strconv.Itoa(1+utf8.RuneCountInString(before[line:]))
}
