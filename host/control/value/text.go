package value

import (
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
)

// Source is a text that a node is given as such or as a file.
type Source struct {
	Name string // of the input that holds the text
	Text string
	File *sdk.Artifact
	Max  int64 // bytes
}

// Given says whether there is any.
func (s Source) Given() bool { return s.Text != "" || s.File != nil }

// Read gives the text without a byte order mark, its lines ending with \n, and what to call it in a message.
func (s Source) Read() (text, what string, err error) {
	text, what = s.Text, s.Name
	if s.File != nil {
		what = "the file " + strconv.Quote(s.File.Name)
		if s.Text != "" {
			return "", what, sdk.Refuse("both "+s.Name+" and file are given", "leave one of them out")
		}
		if text, err = s.read(what); err != nil {
			return "", what, err
		}
	}
	switch {
	case int64(len(text)) > s.Max:
		return "", what, s.tooLong(what, int64(len(text)))
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return "", what, sdk.Refuse(what+" is not text: its bytes are not UTF-8", "save it as UTF-8, or give another")
	}
	text = strings.TrimPrefix(text, "\uFEFF")
	if strings.ContainsRune(text, '\r') {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	return text, what, nil
}

func (s Source) read(what string) (string, error) {
	info, err := os.Stat(s.File.Path)
	if err != nil {
		return "", sdk.Refuse(what+" cannot be read: "+err.Error(), "")
	}
	if size := max(info.Size(), s.File.Size); size > s.Max {
		return "", s.tooLong(what, size)
	}
	b, err := os.ReadFile(s.File.Path)
	if err != nil {
		return "", sdk.Refuse(what+" cannot be read: "+err.Error(), "")
	}
	return string(b), nil
}

func (s Source) tooLong(what string, size int64) error {
	return sdk.Refuse(what+" is too long: "+sdk.FormatSize(size)+"; at most "+sdk.FormatSize(s.Max)+" are read", "cut it up before")
}

// short fits text into a message.
func short(s string) string {
	if utf8.RuneCountInString(s) > 60 {
		return string([]rune(s)[:59]) + "…"
	}
	return s
}
