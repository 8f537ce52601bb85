package sdk

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a node, a module, a run or an artifact in bytes.
const MaxName = 128

// ParseAddress reads what Address.String wrote. Each address has one spelling; any other is refused.
func ParseAddress(s string) (Address, error) {
	a, err := parseAddress(s)
	if err != nil {
		return Address{}, errors.New("address " + quote(s) + ": " + err.Error())
	}
	if canonical := a.String(); canonical != s {
		return Address{}, errors.New("address " + quote(s) + ": write it " + quote(canonical))
	}
	return a, nil
}

// MarshalText gives String.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is ParseAddress; an empty text is the zero Address.
func (a *Address) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*a = Address{}
		return nil
	}
	p, err := ParseAddress(string(b))
	if err == nil {
		*a = p
	}
	return err
}

// parseAddress reads the segments from left to right; each kind may only follow the one before it.
func parseAddress(s string) (a Address, err error) {
	segments := strings.Split(s, "/")
	a.Run = segments[0]
	if err := checkRun(a.Run); err != nil {
		return a, err
	}
	rest := segments[1:]
	for len(rest) > 0 && strings.HasPrefix(rest[0], "module.") {
		m, err := parseStep(rest[0])
		if err != nil {
			return a, err
		}
		a.Modules, rest = append(a.Modules, m), rest[1:]
	}
	if len(rest) > 0 {
		if a.Node, err = parseStep(rest[0]); err != nil {
			return a, err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if a.Attempt, a.Calls, err = parseAttempt(rest[0]); err != nil {
			return a, err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		if a.Name, err = unescapeKey(rest[0]); err != nil {
			return a, err
		}
		if err := CheckArtifactName(a.Name); err != nil {
			return a, err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return a, errors.New("unexpected " + quote(strings.Join(rest, "/")) + " after the artifact's name")
	}
	return a, nil
}

func checkRun(s string) error {
	id, ok := strings.CutPrefix(s, "run_")
	if !ok || id == "" || len(s) > MaxName {
		return errors.New("want it to begin with run_ and an id")
	}
	for i := 0; i < len(id); i++ {
		if !isAlnum(id[i]) {
			return errors.New("run id " + quote(id) + ": want letters and digits")
		}
	}
	return nil
}

// parseStep reads kind.name[key]~iter.
func parseStep(s string) (Step, error) {
	kind, rest, ok := strings.Cut(s, ".")
	if !ok || kind != "node" && kind != "gate" && kind != "module" {
		return Step{}, errors.New("segment " + quote(s) + ": want node.<name>, gate.<name> or module.<name>")
	}
	end := strings.IndexAny(rest, "[~")
	if end < 0 {
		end = len(rest)
	}
	st := Step{Kind: kind, Name: rest[:end]}
	if !IsName(st.Name) {
		return Step{}, errors.New("segment " + quote(s) + ": " + quote(st.Name) + " is not a name (letters, digits, _ and -, beginning with a letter or _)")
	}
	rest = rest[end:]
	var err error
	if strings.HasPrefix(rest, "[") {
		if st.Key, rest, err = parseKey(rest); err != nil {
			return Step{}, err
		}
	}
	if n, ok := strings.CutPrefix(rest, "~"); ok {
		if st.Iter, err = parseOrdinal(n); err != nil {
			return Step{}, errors.New("segment " + quote(s) + ": iteration " + err.Error())
		}
		rest = ""
	}
	if rest != "" {
		return Step{}, errors.New("segment " + quote(s) + ": unexpected " + quote(rest))
	}
	return st, nil
}

// parseAttempt reads 1!3!2: the attempt's number, then its child calls.
func parseAttempt(s string) (attempt int, calls []int, err error) {
	for i, part := range strings.Split(s, "!") {
		n, err := parseOrdinal(part)
		if err != nil {
			return 0, nil, errors.New("attempt " + quote(s) + ": " + err.Error())
		}
		if i == 0 {
			attempt = n
		} else {
			calls = append(calls, n)
		}
	}
	return attempt, calls, nil
}

func parseOrdinal(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, errors.New(quote(s) + " is not a number from 1")
	}
	return n, nil
}

// IsName says whether s can name a node, an input or a module: a letter or _, then letters, digits, _ and -,
// at most MaxName bytes.
func IsName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		first := isAlnum(c) && (c < '0' || c > '9') || c == '_'
		if !first && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// CheckArtifactName refuses names that could not be a file's everywhere: empty, over MaxName bytes, "." and "..",
// not UTF-8, or with a slash, a backslash or a control character.
func CheckArtifactName(name string) error {
	switch {
	case name == "", name == ".", name == "..":
		return errors.New("artifact name " + quote(name) + ": want a file name")
	case len(name) > MaxName:
		return errors.New("artifact name " + quote(name) + ": longer than " + strconv.Itoa(MaxName) + " bytes")
	case !utf8.ValidString(name):
		return errors.New("artifact name " + quote(name) + ": not UTF-8")
	case strings.ContainsAny(name, `/\`), strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("artifact name " + quote(name) + ": may hold no slash, backslash or control character")
	}
	return nil
}

// CheckKey refuses keys of a for_each that could not stand in an address: over MaxKey bytes, or not UTF-8.
func CheckKey(k Key) error {
	if len(k.text) > MaxKey {
		return errors.New("key " + quote(k.text) + ": longer than " + strconv.Itoa(MaxKey) + " bytes")
	}
	if !utf8.ValidString(k.text) {
		return errors.New("key " + quote(k.text) + ": not UTF-8")
	}
	return nil
}

// quote writes s in quotes, cut when it is long.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
