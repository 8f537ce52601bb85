package main

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are the licences under which others' work may be in what we give away under Apache-2.0. MPL-2.0 wants its
// files' source to be had, and THIRD_PARTY_LICENSES says where.
var allowed = []string{"0BSD", "Apache-2.0", "blessing", "BSD-2-Clause", "BSD-2-Clause-Views", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "MPL-2.0-no-copyleft-exception", "Unicode-DFS-2016", "Unlicense", "Zlib"}

// looked are texts that the library does not know, and that somebody has read: more of them stand in one file, or are none.
var looked = map[string][]string{
	"modernc.org/libc LICENSE-3RD-PARTY.md":   {"BSD-2-Clause", "BSD-3-Clause", "MIT"}, // Go, musl, go-netdb
	"modernc.org/memory LICENSE-LOGO":         {},                                      // of a picture that is not in the code
	"modernc.org/sqlite LICENSE-3RD-PARTY.md": {"BSD-3-Clause", "MIT", "blessing"},     // the MPL is of its tests alone
	"modernc.org/sqlite LICENSE-SQLITE":       {"blessing"},                            // the public domain
	"lucide-react LICENSE":                    {"ISC", "MIT"},                          // with a list of icons between them
}

// enough is how much of a licence's text has to be that of a known licence, in per cent.
const enough = 75

// classify gives the licences that a text holds, and whether it is made of them.
func classify(raw []byte) (ids []string, known bool) {
	found := licensecheck.Scan(raw)
	for _, m := range found.Match {
		if !m.IsURL {
			ids = append(ids, m.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), len(ids) > 0 && found.Percent >= enough
}

// ids gives the licences of a part: those of its texts; where it has none, that which it says it has.
func (p part) ids() []string {
	var out []string
	for _, t := range p.texts {
		out = append(out, t.found...)
	}
	if len(out) == 0 && p.declared != "" {
		out = append(out, p.declared)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p part) licence() string { return cmp.Or(strings.Join(p.ids(), " AND "), "?") }

// refused says what may not ship, all at once.
func refused(parts []part) error {
	var errs []error
	for _, p := range parts {
		if p.declared != "" && !may(p.declared) {
			errs = append(errs, p.refuse("says that its licence is %s, which is not among those that may ship", p.declared))
			continue
		}
		if len(p.ids()) == 0 {
			errs = append(errs, p.refuse("has no licence that was found: nobody may give it away"))
		}
		for _, t := range p.texts {
			switch {
			case slices.ContainsFunc(t.found, func(id string) bool { return !may(id) }):
				errs = append(errs, p.refuse("its %s is of %s, not all of which may ship", t.name, strings.Join(t.found, " and ")))
			case !t.known && !notice.MatchString(t.name[strings.LastIndex(t.name, "/")+1:]):
				errs = append(errs, p.refuse("its %s is not the text of a licence that is known", t.name))
			}
		}
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New("do without these, or read their licences and change what is allowed in deploy/release/licences.go"))
	}
	return errors.Join(errs...)
}

func (p part) refuse(why string, args ...any) error {
	return fmt.Errorf("%s %s %s: %s", p.kind, p.name, p.version, fmt.Sprintf(why, args...))
}

// may says whether a licence may ship: one of those that are offered, all of those that hold.
func may(expression string) bool {
	expression = strings.Trim(expression, "()")
	if either := strings.Split(expression, " OR "); len(either) > 1 {
		return slices.ContainsFunc(either, may)
	}
	return !slices.ContainsFunc(strings.Split(expression, " AND "), func(id string) bool { return !slices.Contains(allowed, id) })
}

// notices writes who made what, and each text once.
func notices(parts []part, w io.Writer) {
	fmt.Fprint(w, "What MySpinBot contains of others, under which licences, and where their source is. Made by make licences.\n\n")
	type shared struct {
		of  []string
		raw string
	}
	var order []*shared
	byText := map[[32]byte]*shared{}
	for _, p := range parts {
		fmt.Fprintf(w, "%s %s\n    %s    %s\n", p.name, p.version, p.licence(), p.source)
		for _, t := range p.texts {
			raw := strings.TrimSpace(string(t.raw))
			key := sha256.Sum256([]byte(strings.Join(strings.Fields(raw), " ")))
			if byText[key] == nil {
				byText[key] = &shared{raw: raw}
				order = append(order, byText[key])
			}
			byText[key].of = append(byText[key].of, p.name+" "+p.version+" ("+t.name+")")
		}
	}
	for _, t := range order {
		fmt.Fprintf(w, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 100), strings.Join(t.of, "\n"), t.raw)
	}
}
