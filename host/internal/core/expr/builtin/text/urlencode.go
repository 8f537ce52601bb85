package text

import (
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var urlencodeFunction = builtin.New(
	"urlencode", "text for use in a URL, all but letters, digits and -_.~ encoded",
	`urlencode("a b&c")`, `"a%20b%26c"`,
	builtin.Simple(urlEncode),
)

func urlEncode(s string) (string, error) {
	const plain, hexadecimal = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~", "0123456789ABCDEF"
	if len(s) > builtin.MaxText/3 {
		return "", builtin.TooLong("urlencode")
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexadecimal[c>>4], hexadecimal[c&15]})
		}
	}
	return b.String(), nil
}
