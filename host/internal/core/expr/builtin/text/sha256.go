package text

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/myspinbot/spinbot/host/internal/core/expr/builtin"
)

var sha256Function = builtin.New(
	"sha256", "the SHA-256 of a text in hexadecimal",
	`substr(sha256("a"), 0, 8)`, `"ca978112"`,
	builtin.Simple(sha256Hex),
)

func sha256Hex(s string) (string, error) {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:]), nil
}
