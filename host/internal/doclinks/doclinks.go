// Package doclinks finds links in Markdown files that lead nowhere: to a file that is not there, or to a heading that its page does not have.
// Links to other places than the files are not followed.
package doclinks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// Broken gives a sentence for each link of these pages that leads nowhere. Pages are paths in the file system.
func Broken(fsys fs.FS, pages []string) (broken []string, err error) {
	anchors := map[string]map[string]bool{}
	for _, page := range pages {
		raw, err := fs.ReadFile(fsys, page)
		if err != nil {
			return nil, err
		}
		for _, link := range links(raw) {
			why, err := leads(fsys, page, link.target, anchors)
			if err != nil {
				return nil, err
			}
			if why != "" {
				broken = append(broken, fmt.Sprintf("%s:%d: (%s): %s", page, link.line, link.target, why))
			}
		}
	}
	return broken, nil
}

// leads says why a link does not lead to anything; empty: it does.
func leads(fsys fs.FS, page, target string, anchors map[string]map[string]bool) (string, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return "it is no address", nil
	case u.Scheme != "" || u.Host != "":
		return "", nil
	}
	file := page
	if u.Path != "" {
		file = path.Join(path.Dir(page), u.Path)
	}
	if !fs.ValidPath(file) {
		return "it leads out of the repository", nil
	}
	switch _, err := fs.Stat(fsys, file); {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no " + file, nil
	case err != nil:
		return "", err
	case u.Fragment == "" || path.Ext(file) != ".md":
		return "", nil
	}
	if anchors[file] == nil {
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			return "", err
		}
		anchors[file] = headings(raw)
	}
	if !anchors[file][u.Fragment] {
		return file + " has no such heading", nil
	}
	return "", nil
}

type link struct {
	target string
	line   int
}

var (
	span   = regexp.MustCompile("``.*?``|`[^`\n]*`")
	inline = regexp.MustCompile(`\]\(([^()\s]+)(?: "[^"]*")?\)|(?m:^\[[^\]]+\]: (\S+)$)|<(?:img|a)[^>]* (?:src|href)="([^"]+)"`)
)

// links are those of a page, but for what stands in code.
func links(page []byte) (out []link) {
	for i, text := range prose(page) {
		for _, m := range inline.FindAllSubmatch(span.ReplaceAll(text, nil), -1) {
			out = append(out, link{string(bytes.Join(m[1:], nil)), i + 1})
		}
	}
	return out
}

// prose are the lines of a page, empty where there is a block of code.
func prose(page []byte) [][]byte {
	lines := bytes.Split(page, []byte("\n"))
	fence := ""
	for i, line := range lines {
		text := strings.TrimLeft(string(line), " ")
		mark := text[:len(text)-len(strings.TrimLeft(text, "`"))]
		switch {
		case fence == "" && len(mark) >= 3:
			fence, lines[i] = mark, nil
		case fence != "":
			if strings.TrimRight(text, " ") == fence {
				fence = ""
			}
			lines[i] = nil
		}
	}
	return lines
}

var linked = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// headings are the anchors that GitHub makes of a page's headings.
func headings(page []byte) map[string]bool {
	out := map[string]bool{}
	for _, line := range prose(page) {
		level := len(line) - len(bytes.TrimLeft(line, "#"))
		if level == 0 || level > 6 || !bytes.HasPrefix(line[level:], []byte(" ")) {
			continue
		}
		anchor := Anchor(string(line[level+1:]))
		for n, free := 1, anchor; ; n++ {
			if !out[free] {
				out[free] = true
				break
			}
			free = fmt.Sprintf("%s-%d", anchor, n)
		}
	}
	return out
}

// Anchor is what GitHub calls a heading in addresses.
func Anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(linked.ReplaceAllString(heading, "$1")))
}
