package captions

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// maxCaptions is how many are read.
const maxCaptions = 20_000

// parse reads SRT or WebVTT, whichever it is. Tags, places and styles are left out.
func parse(text, what string) ([]spoken, error) {
	vtt := strings.HasPrefix(text, "WEBVTT")
	var out []spoken
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if !strings.Contains(lines[i], "-->") {
			continue // a number, a name, a note, a style
		}
		s, err := times(lines[i])
		where := what + ", line " + strconv.Itoa(i+1)
		if err != nil {
			return nil, sdk.Refuse(where+": "+strconv.Quote(short(lines[i]))+" is no pair of times", "write it like 00:00:01,500 --> 00:00:03,000")
		}
		if err := forward(s, where, false); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && s.start < out[n-1].end {
			return nil, sdk.Refuse(where+" begins at "+at(s.start)+", before the caption above ends at "+at(out[n-1].end), "let no captions overlap")
		}
		if len(out) == maxCaptions {
			return nil, sdk.Refuse(what+" has more than "+strconv.Itoa(maxCaptions)+" captions", "cut it up before")
		}
		var said []string
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
			said = append(said, plain(lines[i], vtt))
		}
		if s.text = strings.Join(said, "\n"); strings.TrimSpace(s.text) != "" {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, sdk.Refuse(what+" holds no caption", "give SRT or WebVTT, with lines like 00:00:01,500 --> 00:00:03,000")
	}
	return out, nil
}

func times(line string) (s spoken, err error) {
	from, to, _ := strings.Cut(line, "-->")
	fields := strings.Fields(to) // the end, and in WebVTT where the caption stands
	if len(fields) == 0 {
		return s, strconv.ErrSyntax
	}
	if s.start, err = readClock(strings.TrimSpace(from)); err != nil {
		return s, err
	}
	s.end, err = readClock(fields[0])
	return s, err
}

var clockForm = regexp.MustCompile(`^(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?$`)

func readClock(s string) (ms, error) {
	m := clockForm.FindStringSubmatch(s)
	if m == nil {
		return 0, strconv.ErrSyntax
	}
	var n [5]ms
	for i := 1; i <= 3; i++ {
		v, _ := strconv.Atoi("0" + m[i]) // the form has digits only
		n[i] = ms(v)
	}
	milli, _ := strconv.Atoi((m[4] + "000")[:3])
	if n[2] > 59 || n[3] > 59 {
		return 0, strconv.ErrRange
	}
	return n[1]*3_600_000 + n[2]*60_000 + n[3]*1000 + ms(milli), nil
}

var (
	vttTag   = regexp.MustCompile(`<[^<>]*>`)
	srtTag   = regexp.MustCompile(`(?i)</?(?:b|i|u|s|font)(?:\s[^<>]*)?>|\{\\[^{}]*\}`)
	entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&nbsp;", "\u00a0", "&lrm;", "\u200e", "&rlm;", "\u200f", "&amp;", "&")
)

// plain takes the markup out of a line.
func plain(line string, vtt bool) string {
	if vtt {
		return entities.Replace(vttTag.ReplaceAllString(line, ""))
	}
	return unmark.Replace(srtTag.ReplaceAllString(line, ""))
}

// unmark takes out what srtText put in.
var unmark = strings.NewReplacer("--"+mark+">", "-->", "<"+mark, "<", "{"+mark+`\`, `{\`)

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}
