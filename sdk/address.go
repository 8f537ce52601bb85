package sdk

import (
	"errors"
	"strconv"
	"strings"
)

// Address names anything in a run, from the run itself down to one artifact of one attempt:
//
//	run_01J…/module.finish~2/node.shot["a%2Fb"]/1!3/preview.png
//
// run / module path / node instance / attempt / artifact name. It is the log field, the URL and the folder.
type Address struct {
	Run     string
	Modules []Step
	Node    Step   // Kind is empty when the address is that of a run or a module
	Attempt int    // from 1; 0 when absent
	Calls   []int  // child calls of the attempt, from 1
	Name    string // artifact name
}

// Step is one typed segment: kind.name, an optional [key] of a for_each and ~n of a repeat.
type Step struct {
	Kind string // "node", "gate", "module"
	Name string
	Key  Key
	Iter int // from 1; 0 when absent
}

// Key is the key of a for_each instance: absent, a number (list) or text (map, set).
type Key struct {
	set  bool
	text string
	num  bool
}

// MaxKey is the longest text key in bytes.
const MaxKey = 128

// NumberKey is the key of the i-th instance over a list.
func NumberKey(i int) Key { return Key{set: true, text: strconv.Itoa(i), num: true} }

// TextKey is the key of an instance over a map or set.
func TextKey(s string) Key { return Key{set: true, text: s} }

// IsZero says whether there is no key.
func (k Key) IsZero() bool { return !k.set }

// Number gives the key of a list instance.
func (k Key) Number() (int, bool) {
	if !k.num {
		return 0, false
	}
	i, err := strconv.Atoi(k.text)
	return i, err == nil
}

// Text gives the key as text, whatever its kind.
func (k Key) Text() string { return k.text }

// String gives "", "[2]" or ["a%2Fb"].
func (k Key) String() string {
	switch {
	case !k.set:
		return ""
	case k.num:
		return "[" + k.text + "]"
	}
	return `["` + escapeKey(k.text) + `"]`
}

// MarshalText gives String.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Key) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*k = Key{}
		return nil
	}
	p, rest, err := parseKey(string(b))
	if err == nil && rest != "" {
		err = errors.New("key " + quote(string(b)) + ": unexpected " + quote(rest))
	}
	*k = p
	return err
}

// String gives kind.name[key]~iter.
func (s Step) String() string {
	out := s.Kind + "." + s.Name + s.Key.String()
	if s.Iter > 0 {
		out += "~" + strconv.Itoa(s.Iter)
	}
	return out
}

// String gives the address in its one written form.
func (a Address) String() string {
	var b strings.Builder
	b.WriteString(a.Run)
	for _, m := range a.Modules {
		b.WriteByte('/')
		b.WriteString(m.String())
	}
	if a.Node.Kind == "" {
		return b.String()
	}
	b.WriteByte('/')
	b.WriteString(a.Node.String())
	if a.Attempt == 0 {
		return b.String()
	}
	b.WriteByte('/')
	b.WriteString(strconv.Itoa(a.Attempt))
	for _, c := range a.Calls {
		b.WriteByte('!')
		b.WriteString(strconv.Itoa(c))
	}
	if a.Name != "" {
		b.WriteByte('/')
		b.WriteString(escapeKey(a.Name))
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"

func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ' '
}

func escapeKey(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; plainByte(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

func unescapeKey(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errors.New(quote(s) + ": incomplete %-escape")
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errors.New(quote(s) + ": bad %-escape")
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}

func parseKey(s string) (k Key, rest string, err error) {
	if strings.HasPrefix(s, `["`) {
		end := strings.Index(s, `"]`)
		if end < 2 {
			return k, "", errors.New("key " + quote(s) + ": missing \"]")
		}
		text, err := unescapeKey(s[2:end])
		if err != nil {
			return k, "", err
		}
		return TextKey(text), s[end+2:], CheckKey(TextKey(text))
	}
	end := strings.IndexByte(s, ']')
	if !strings.HasPrefix(s, "[") || end < 0 {
		return k, "", errors.New("key " + quote(s) + ": want [number] or [\"text\"]")
	}
	n, err := strconv.Atoi(s[1:end])
	if err != nil || n < 0 {
		return k, "", errors.New("key " + quote(s) + ": want a number")
	}
	return NumberKey(n), s[end+1:], nil
}
