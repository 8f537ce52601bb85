package captions

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

type object = map[string]any

func said(text, start, end string) any {
	return object{"text": text, "start": json.Number(start), "end": json.Number(end)}
}

// run gives the text and, one a line, the captions: "1-2.5 first line|second line".
func try(t *testing.T, in sdk.Values) (text, list string, err error) {
	t.Helper()
	r, err := Node().Run(t.Context(), &sdk.Task{Inputs: in})
	if err != nil {
		return "", "", err
	}
	if bad := Node().Type().Outputs.Check(r.Outputs); len(bad) > 0 {
		t.Errorf("outputs do not fit: %v", bad)
	}
	for _, x := range r.Outputs["captions"].([]any) {
		c := x.(object)
		list += fmt.Sprintf("%v-%v %s\n", c["start"], c["end"], strings.ReplaceAll(c["text"].(string), "\n", "|"))
	}
	return r.Outputs["text"].(string), list, nil
}

func TestCaptions(t *testing.T) {
	t.Parallel()
	words := []any{said("Hello", "0", "0.4"), said("there.", "0.4", "0.9"), said("This", "1", "1.2"), said("is", "1.2", "1.2"), said("a", "1.3", "1.4"), said("film", "2.6", "3"), said("about", "3", "3.4"), said("automata", "3.4", "4")}
	for _, c := range []struct {
		name   string
		inputs sdk.Values
		list   string
	}{
		{"words: sentences and silence", sdk.Values{"words": words}, "0-1 Hello there.\n1-2 This is a\n2.6-4 film about automata\n"},
		{"words: short lines", sdk.Values{"words": words, "max_chars": json.Number("8"), "max_lines": json.Number("1"), "min_seconds": json.Number("0")},
			"0-0.4 Hello\n0.4-0.9 there.\n1-1.2 This is\n1.3-1.4 a\n2.6-3 film\n3-3.4 about\n3.4-4 automata\n"},
		{"words: not too long", sdk.Values{"words": words[5:], "max_seconds": json.Number("0.5"), "min_seconds": json.Number("0")}, "2.6-3 film\n3-3.4 about\n3.4-3.9 automata\n"},
		{"lines", sdk.Values{"lines": []any{said("One", "1", "1.2"), said("Two", "1.7", "20"), said(" ", "20", "21"), said("Three\nfour", "30", "31")}}, "1-1.7 One\n1.7-8.7 Two\n30-31 Three|four\n"},
		{"lines: balanced", sdk.Values{"lines": []any{said("The quick brown fox jumps over the lazy dog today", "0", "5")}}, "0-5 The quick brown fox jumps|over the lazy dog today\n"},
		{"lines: cut up", sdk.Values{"lines": []any{said("aaaa bbbb cccc dddd", "0", "4")}, "max_chars": json.Number("9"), "max_lines": json.Number("1"), "min_seconds": json.Number("0")}, "0-2 aaaa bbbb\n2-4 cccc dddd\n"},
		{"a long word", sdk.Values{"lines": []any{said("Donaudampfschiff x", "0", "4")}, "max_chars": json.Number("5")}, "0-4 Donaudampfschiff|x\n"},
		{"shift", sdk.Values{"lines": []any{said("a", "1", "3")}, "shift": json.Number("-0.5")}, "0.5-2.5 a\n"},
		{"srt", sdk.Values{"text": "\uFEFF1\r\n00:00:01,500 --> 00:00:03,000 X1:1\r\n<i>Hello</i> {\\an8}<font color=\"red\">you</font>\r\nand <me>\r\n\r\n2\n01:00:00.5 --> 01:00:02\nlast"}, "1.5-3 Hello you|and <me>\n3600.5-3602 last\n"},
		{"vtt", sdk.Values{"text": "WEBVTT - x\n\nSTYLE\n::cue { color: red }\n\nNOTE hi\n\nid\n00:01.000 --> 00:02.000 align:start\n<v Ada>1 &lt; 2 &amp;amp; <c.x>3</c>\n"}, "1-2 1 < 2 &amp; 3\n"},
		{"nothing said", sdk.Values{"words": []any{said(" ", "0", "1")}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, got, err := try(t, c.inputs); err != nil || got != c.list {
				t.Errorf("%v\n%s\nwant\n%s", err, got, c.list)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	lines := []any{said(`1 --> 2 <b>{\an8} & C:\New`, "0", "1.2345"), said("{x}\ny", "3599.995", "3661.5")}
	for format, want := range map[string]string{
		"srt": "1\n00:00:00,000 --> 00:00:01,235\n1 --\u200b> 2 <\u200bb>{\u200b\\an8} & C:\\New\n\n2\n00:59:59,995 --> 01:00:06,995\n{x}\ny\n",
		"vtt": "WEBVTT\n\n00:00:00.000 --> 00:00:01.235\n1 --&gt; 2 &lt;b&gt;{\\an8} &amp; C:\\New\n\n00:59:59.995 --> 01:00:06.995\n{x}\ny\n",
		"ass": "Dialogue: 0,0:00:00.00,0:00:01.24,Default,,0,0,0,,1 --> 2 <b>\\{\\\u2060an8\\} & C:\\\u2060New\nDialogue: 0,1:00:00.00,1:00:07.00,Default,,0,0,0,,\\{x\\}\\Ny\n",
	} {
		got, _, err := try(t, sdk.Values{"lines": lines, "format": format})
		if format == "ass" {
			_, got, _ = strings.Cut(got, "Text\n")
		}
		if err != nil || got != want {
			t.Errorf("%s: %v\n%q\nwant\n%q", format, err, got, want)
		}
	}
	got, _, err := try(t, sdk.Values{"lines": lines, "format": "ass", "style": object{"font": "Open Sans", "color": "#12abEF", "position": "top", "bold": true, "size": json.Number("70.5")}})
	if want := "Style: Default,Open Sans,70.5,&H00EFAB12,&H00EFAB12,&H00000000,&H80000000,-1,0,0,0,100,100,0,0,1,3,0,8,60,60,60,1\n"; err != nil || !strings.Contains(got, want) {
		t.Errorf("style: %v\n%s", err, got)
	}
}

func TestReadsWhatItWrites(t *testing.T) {
	t.Parallel()
	lines := []any{said(`1 --> 2 <b>x</b> <v y> {\an8} & &lt; C:\New`, "0", "2"), said("two\nlines", "3", "4.001")}
	for _, format := range []string{"srt", "vtt"} {
		text, list, err := try(t, sdk.Values{"lines": lines, "format": format, "max_chars": json.Number("80")})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "c."+format)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		again, relisted, err := try(t, sdk.Values{"file": sdk.Artifact{Name: "c", Path: path, MediaType: "text/vtt"}, "format": format, "max_chars": json.Number("80")})
		if err != nil || again != text || relisted != list {
			t.Errorf("%s: %v\n%q\n%q", format, err, text, again)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		inputs sdk.Values
		want   string
	}{
		{sdk.Values{}, "want one of lines, words, and text or file; none"},
		{sdk.Values{"text": "x", "lines": []any{said("a", "0", "1")}}, "two of them is given"},
		{sdk.Values{"lines": []any{said("a", "0", "2"), said("b", "1.9", "3")}}, "lines[1] begins at 1.9 s, before lines[0] ends at 2 s"},
		{sdk.Values{"words": []any{said("a", "5", "6"), said("b", "1", "2")}}, "words[1] begins at 1 s, before words[0] ends at 6 s"},
		{sdk.Values{"lines": []any{said("a", "-1", "2")}}, "lines[0] has a negative time: -1 s"},
		{sdk.Values{"lines": []any{said("a", "2", "2")}}, "lines[0] ends at 2 s, not after its start at 2 s"},
		{sdk.Values{"words": []any{said("a", "2", "1")}}, "words[0] ends at 1 s"},
		{sdk.Values{"lines": []any{said("a", "0", "9e99")}}, "100 hours"},
		{sdk.Values{"lines": []any{said("a", "1", "2")}, "shift": json.Number("-2")}, "caption 1 would begin at -1 s"},
		{sdk.Values{"text": "hello"}, "text holds no caption"},
		{sdk.Values{"text": "1\n00:00:01 -> 00:00:02\nx\n\n2\n00:00:xx --> 00:00:02\ny"}, `text, line 6: "00:00:xx --> 00:00:02" is no pair of times`},
		{sdk.Values{"text": "00:00:01,0 -->"}, "is no pair of times"},
		{sdk.Values{"text": "00:61:01,0 --> 01:00:00,0\nx"}, "is no pair of times"},
		{sdk.Values{"text": "00:00:02 --> 00:00:01\nx"}, "text, line 1 ends at 1 s"},
		{sdk.Values{"text": "00:01 --> 00:03\nx\n\n00:02 --> 00:04\ny"}, "text, line 4 begins at 2 s, before the caption above ends at 3 s"},
		{sdk.Values{"lines": []any{said("a", "1", "2")}, "style": object{"font": "A,B"}}, "style.font"},
	} {
		if _, _, err := try(t, c.inputs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %s", c.inputs, err, c.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Hello there. This is a film", uint16(300), uint8(10), uint8(1), uint16(1000))
	f.Fuzz(func(t *testing.T, text string, each uint16, chars, rows uint8, most uint16) {
		var pieces []piece
		for i, w := range strings.Fields(text) {
			at := float64(i) * float64(each) / 1000
			pieces = append(pieces, piece{w, at, at + float64(each)/1000})
		}
		spoken, err := timed(pieces, "words")
		if err != nil {
			t.Fatal(err)
		}
		cues := fit{int(chars) + 1, int(rows%4) + 1, ms(most) + 1, 800}.words(spoken)
		stretch(cues, 1000, ms(most)+1)
		var shown []string
		for i, c := range cues {
			shown = append(shown, c.lines...)
			if c.end <= c.start || i > 0 && c.start < cues[i-1].end || len(c.lines) > int(rows%4)+1 {
				t.Errorf("caption %d: %+v after %+v", i, c, cues[max(0, i-1)])
			}
		}
		if got := strings.Fields(strings.Join(shown, " ")); !reflect.DeepEqual(got, strings.Fields(text)) && len(got)+len(pieces) > 0 {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("WEBVTT\n\n00:01.000 --> 00:02.000\n<b>x&amp;")
	f.Add("1\n00:00:01,5 --> 00:00:02\n{\\an8}x")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parse(text, "text")
		if (err == nil) != (len(s) > 0) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
