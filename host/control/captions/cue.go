package captions

import (
	"math"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

// ms is a time in milliseconds: what all formats can write, so that what is compared is what is written.
type ms int64

func seconds(s float64) ms { return ms(math.Round(min(max(s, -1e9), 1e9) * 1000)) }

// maxTime is what H:MM:SS of every format can hold.
const maxTime = ms(360_000_000)

// cue is one caption.
type cue struct {
	lines      []string
	start, end ms
}

func (c cue) caption() caption {
	return caption{strings.Join(c.lines, "\n"), c.lines, float64(c.start) / 1000, float64(c.end) / 1000}
}

// spoken is a piece whose times were checked.
type spoken struct {
	text       string // without line ends, unless it was read from a file
	start, end ms
}

// timed checks the times of pieces: forward, and one after the other. Pieces that say nothing are left out.
func timed(pieces []piece, name string) ([]spoken, error) {
	out := make([]spoken, 0, len(pieces))
	before := -1
	for i, p := range pieces {
		s := spoken{p.Text, seconds(p.Start), seconds(p.End)}
		where := name + "[" + strconv.Itoa(i) + "]"
		if before >= 0 && s.start < seconds(pieces[before].End) {
			return nil, sdk.Refuse(where+" begins at "+at(s.start)+", before "+name+"["+strconv.Itoa(before)+"] ends at "+at(seconds(pieces[before].End)), "give them in the order of their times, and let none overlap")
		}
		if err := forward(s, where, name == "words"); err != nil {
			return nil, err
		}
		before = i
		if strings.TrimSpace(p.Text) != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// forward refuses times that no clock shows. A word may take no time: speech recognition gives such.
func forward(s spoken, where string, instant bool) error {
	switch {
	case s.start < 0 || s.end < 0:
		return sdk.Refuse(where+" has a negative time: "+at(min(s.start, s.end)), "times count from the beginning, in seconds")
	case s.end > maxTime:
		return sdk.Refuse(where+" ends after 100 hours", "times are in seconds, not milliseconds")
	case s.end < s.start || s.end == s.start && !instant:
		return sdk.Refuse(where+" ends at "+at(s.end)+", not after its start at "+at(s.start), "let end come after start")
	}
	return nil
}

// at writes a time for a message.
func at(t ms) string { return strconv.FormatFloat(float64(t)/1000, 'f', -1, 64) + " s" }

func shift(cues []cue, by float64) error {
	d := seconds(by)
	for i := range cues {
		cues[i].start, cues[i].end = cues[i].start+d, cues[i].end+d
		if cues[i].start < 0 || cues[i].end > maxTime {
			return sdk.Refuse("caption "+strconv.Itoa(i+1)+" would begin at "+at(cues[i].start)+" and end at "+at(cues[i].end)+" once shifted", "shift by less")
		}
	}
	return nil
}

// stretch makes captions stay as long as they may, and no longer; none reaches into the next one.
func stretch(cues []cue, least, most ms) {
	for i := range cues {
		c := &cues[i]
		next := maxTime
		if i+1 < len(cues) {
			next = cues[i+1].start
		}
		if c.end-c.start < least {
			c.end = max(c.end, min(c.start+least, next))
		}
		c.end = min(c.end, c.start+max(most, 1))
	}
}
