package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Tasks and results, of which there are very many, are written by hand: encoding/json would look through each body again,
// at each level that it stands in. Readers see no difference. All else is written by encoding/json.

// Append appends a message, or a part of one, as JSON on one line. It panics where the raw JSON in it is none.
func Append(b []byte, x any) []byte {
	switch x := x.(type) {
	case Task:
		return appendTask(b, x)
	case Result:
		return appendResult(b, x)
	case string:
		return appendString(b, x)
	}
	raw, err := json.Marshal(x)
	if err != nil {
		panic(fmt.Sprintf("protocol: %T: %v", x, err))
	}
	return append(b, raw...)
}

func appendTask(b []byte, t Task) []byte {
	b = appendString(append(b, `{"id":`...), t.ID)
	b = appendString(append(b, `,"host":`...), t.Host)
	b = appendRaw(append(b, `,"body":`...), t.Body)
	return append(b, '}')
}

func appendResult(b []byte, r Result) []byte {
	b = appendString(append(b, `{"id":`...), r.ID)
	b = appendString(append(b, `,"agent":`...), r.Agent)
	if r.Error != nil {
		b = Append(append(b, `,"error":`...), r.Error)
	}
	if len(r.Body) > 0 {
		b = appendRaw(append(b, `,"body":`...), r.Body)
	}
	if len(r.Artifacts) > 0 {
		b = Append(append(b, `,"artifacts":`...), r.Artifacts)
	}
	return append(b, '}')
}

// appendString appends a string: an address or the name of a machine, mostly, of which nothing is escaped.
func appendString(b []byte, s string) []byte {
	for k := range len(s) {
		if c := s[k]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			raw, _ := json.Marshal(s) // of a string
			return append(b, raw...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendRaw appends JSON as it is, on one line: notes are told apart by lines.
func appendRaw(b []byte, raw json.RawMessage) []byte {
	switch {
	case len(raw) == 0:
		return append(b, "null"...)
	case bytes.IndexByte(raw, '\n') < 0:
		return append(b, raw...)
	}
	line := bytes.NewBuffer(b)
	if err := json.Compact(line, raw); err != nil {
		panic(fmt.Sprintf("protocol: a body is no JSON: %v", err))
	}
	return line.Bytes()
}
