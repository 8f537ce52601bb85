package storyboard

import "strings"

// What a film adds to the speech of a scene, in seconds: silence around it less the cross-fade, which the last
// scene has none of.
const (
	gap     = 0.6
	overlap = 0.4
)

// draft is a scene whose caption is still growing.
type draft struct {
	scene
	pool []string // sentences that may be said, in their order
	said int      // how many of them are
	most int      // how many may be at most
}

func (d *draft) words() (n int) {
	for _, s := range d.pool[:d.said] {
		n += words(s)
	}
	return n
}

// Longer than these many words a sentence is no hook or statement: too much to read at once.
const (
	hookWords      = 16
	statementWords = 24
)

// plan lays the article out as scenes and chooses the sentences that fit the time.
func plan(a *article, maxScenes int, seconds float64, perMinute int) []scene {
	drafts := board(a, maxScenes)
	for !fits(drafts, seconds, perMinute, 0) && len(drafts) > 3 && drop(&drafts) {
	}
	for grown := true; grown; { // a sentence more for each in turn, while there is time
		grown = false
		for _, d := range drafts {
			if d.said < d.most && fits(drafts, seconds, perMinute, words(d.pool[d.said])) {
				d.said++
				grown = true
			}
		}
	}
	out := make([]scene, len(drafts))
	number := 0
	for i, d := range drafts {
		d.Index = i
		d.Caption = strings.Join(d.pool[:d.said], " ")
		d.Seconds = float64(d.words()*60000/perMinute) / 1000
		if d.Layout == "hook" || d.Layout == "statement" {
			d.Text = d.Caption
		}
		if d.Number > 0 {
			number++
			d.Number = number
		}
		out[i] = d.scene
	}
	return out
}

func fits(drafts []*draft, seconds float64, perMinute, more int) bool {
	n := more
	for _, d := range drafts {
		n += d.words()
	}
	return float64(n)*60/float64(perMinute)+gap*float64(len(drafts))+overlap <= seconds
}

// drop takes away the last scene that is a chapter.
func drop(drafts *[]*draft) bool {
	all := *drafts
	for i := len(all) - 1; i >= 0; i-- {
		if l := all[i].Layout; l != "hook" && l != "title" && l != "end" {
			*drafts = append(all[:i:i], all[i+1:]...)
			return true
		}
	}
	return false
}

// board makes the scenes: hook and title of the lead, a chapter of each section, the end of the last one.
func board(a *article, maxScenes int) []*draft {
	var out []*draft
	add := func(s scene, pool []string, most int) {
		if len(pool) == 0 {
			return
		}
		if s.Points == nil {
			s.Points = []string{}
		}
		out = append(out, &draft{scene: s, pool: pool, said: 1, most: min(most, len(pool))})
	}
	lead, sections := a.lead.sentences, a.sections
	if len(lead) > 0 && words(lead[0]) <= hookWords {
		add(scene{Layout: "hook"}, lead[:1], 1)
		lead = lead[1:]
	}
	if len(lead) == 0 && spoken(a.title) {
		lead = []string{stop(a.title)}
	}
	if spoken(a.title) {
		add(scene{Layout: "title", Heading: a.title, Text: a.tagline}, lead, 2)
	} else {
		add(scene{Layout: "picture"}, lead, 2)
	}
	var last *section
	if n := len(sections); n > 1 {
		last, sections = &a.sections[n-1], sections[:n-1]
	}
	for i := range sections[:min(len(sections), max(0, maxScenes-len(out)-1))] {
		s, pool, most := chapter(&sections[i], i)
		add(s, pool, most)
	}
	if last != nil {
		add(scene{Layout: "end", Heading: last.heading, Points: first(last.code, 1)}, spokenOf(last), 2)
	}
	if len(out) > 0 && out[len(out)-1].Layout == "end" && out[len(out)-1].Heading == "" {
		out[len(out)-1].Heading = a.title
	}
	return out
}

// chapter chooses how a section is shown.
func chapter(s *section, i int) (scene, []string, int) {
	c := scene{Heading: s.heading, Number: 1}
	pool := spokenOf(s)
	switch {
	case len(s.items) > 1:
		c.Layout = "points"
		for _, p := range first(s.items, 4) {
			c.Points = append(c.Points, shorten(strings.TrimRight(p, "."), 90))
		}
	case s.quote != "" && words(s.quote) <= statementWords:
		c.Layout, c.Number = "statement", 0
		return c, []string{stop(s.quote)}, 1
	case s.heading == "" && words(pool[0]) <= statementWords && i%2 == 0:
		c.Layout, c.Number = "statement", 0
		return c, pool, 1
	case s.heading == "":
		c.Layout, c.Number = "picture", 0
	case len(s.strong) > 0:
		c.Layout = "split"
		for _, p := range first(s.strong, 3) {
			c.Points = append(c.Points, shorten(p, 70))
		}
	default:
		c.Layout = "picture"
	}
	return c, pool, 3
}

// spokenOf gives what can be said of a section: its sentences, or its items and quote when it has none.
func spokenOf(s *section) []string {
	if len(s.sentences) > 0 {
		return s.sentences
	}
	var out []string
	for _, t := range append(first(s.items, 4), s.quote) {
		if spoken(t) {
			out = append(out, stop(t))
		}
	}
	return out
}

// stop ends a text as a sentence ends.
func stop(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

func first(s []string, n int) []string { return append([]string{}, s[:min(len(s), n)]...) }
