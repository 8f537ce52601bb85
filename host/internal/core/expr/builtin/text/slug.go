package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var slugFunction = builtin.New(
	"slug", "text as a file or URL name: small letters, digits and hyphens",
	`slug("Crème brûlée, no. 2!")`, `"creme-brulee-no-2"`,
	builtin.Simple(slug),
)

// slug drops accents, then everything but letters and digits of ASCII.
func slug(s string) (string, error) {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		case !unicode.Is(unicode.Mn, r):
			gap = true
		}
	}
	return b.String(), nil
}
