package captions

import (
	"strings"
	"unicode/utf8"
)

// fit is how much a caption holds.
type fit struct {
	chars, rows int // characters of a line, and lines
	most, gap   ms  // how long it stays, and silence within it
}

// lines makes captions of lines: one of each, or several when it does not fit, which share its time by their length.
func (f fit) lines(pieces []spoken) []cue {
	var out []cue
	for _, p := range pieces {
		pages := f.pages(p.text)
		total := 0
		for _, page := range pages {
			total += size(page)
		}
		begin, done := p.start, 0
		for i, page := range pages {
			done += size(page)
			end := p.start + (p.end-p.start)*ms(done)/ms(max(total, 1))
			if i == len(pages)-1 {
				end = p.end
			}
			if end > begin || len(pages) == 1 {
				out = append(out, cue{page, begin, end})
			} else if len(out) > 0 { // no time left for a caption of its own
				last := &out[len(out)-1]
				last.lines = append(last.lines, page...)
			}
			begin = end
		}
	}
	return out
}

func size(lines []string) (n int) {
	for _, l := range lines {
		n += utf8.RuneCountInString(l)
	}
	return n
}

// pages breaks a text into captions that fit. Line ends that are there already stay when everything fits between them.
func (f fit) pages(text string) [][]string {
	given := strings.Split(strings.TrimSpace(text), "\n")
	kept := make([]string, 0, len(given))
	for _, l := range given {
		if l = strings.Join(strings.Fields(l), " "); l != "" && utf8.RuneCountInString(l) <= f.chars {
			kept = append(kept, l)
		}
	}
	if len(kept) == len(given) && len(kept) <= f.rows {
		return [][]string{kept}
	}
	lines := f.wrap(strings.Fields(text))
	if len(lines) == 0 {
		return nil
	}
	var pages [][]string
	for len(lines) > f.rows {
		pages = append(pages, lines[:f.rows:f.rows])
		lines = lines[f.rows:]
	}
	pages = append(pages, lines)
	for i := range pages {
		pages[i] = f.balance(pages[i])
	}
	return pages
}

// wrap fills lines with words.
func (f fit) wrap(words []string) []string {
	var out []string
	room := 0
	for _, w := range words {
		n := utf8.RuneCountInString(w)
		if len(out) > 0 && n+1 <= room {
			out[len(out)-1] += " " + w
			room -= n + 1
			continue
		}
		out = append(out, w)
		room = f.chars - n
	}
	return out
}

// balance makes two lines about as long as one another, which reads better than a full line and one word.
func (f fit) balance(lines []string) []string {
	if len(lines) != 2 {
		return lines
	}
	words := strings.Fields(lines[0] + " " + lines[1])
	best, difference := lines, abs(size(lines[:1])-size(lines[1:]))
	for i := 1; i < len(words); i++ {
		try := []string{strings.Join(words[:i], " "), strings.Join(words[i:], " ")}
		a, b := size(try[:1]), size(try[1:])
		if a <= f.chars && b <= f.chars && abs(a-b) < difference {
			best, difference = try, abs(a-b)
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

// words puts words together until a caption is full, lasts too long, or the voice pauses or ends a sentence.
func (f fit) words(words []spoken) []cue {
	var out []cue
	var now []spoken
	flush := func() {
		if len(now) == 0 {
			return
		}
		c := cue{f.balance(f.wrap(texts(now))), now[0].start, now[len(now)-1].end}
		if c.end == c.start { // words that took no time
			c.end++
		}
		if n := len(out); n > 0 && out[n-1].end > c.start {
			c.start = out[n-1].end
			c.end = max(c.end, c.start+1)
		}
		out, now = append(out, c), nil
	}
	for _, w := range words {
		if len(now) > 0 {
			last := now[len(now)-1]
			if w.start-last.end >= f.gap || w.end-now[0].start > f.most || ends(last.text) || len(f.wrap(texts(append(now, w)))) > f.rows {
				flush()
			}
		}
		now = append(now, w)
	}
	flush()
	return out
}

func texts(words []spoken) []string {
	var out []string
	for _, w := range words {
		out = append(out, strings.Fields(w.text)...)
	}
	return out
}

// ends says whether a word ends a sentence.
func ends(word string) bool {
	word = strings.TrimRight(strings.TrimSpace(word), `"'”’»)]`)
	return strings.HasSuffix(word, ".") || strings.HasSuffix(word, "!") || strings.HasSuffix(word, "?") ||
		strings.HasSuffix(word, "…") || strings.HasSuffix(word, "。") || strings.HasSuffix(word, "！") || strings.HasSuffix(word, "？")
}
