// Package dist holds the built module of the control nodes that ship, when there is one.
package dist

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io"
)

// The folder always holds at least this file, so that the host builds without the module.
//
//go:embed *
var files embed.FS

// sum is the SHA-256 of the module where the linker was told it, so that nobody reads 7 MB of the binary to know it.
var sum string

// Sum gives the SHA-256 of the built module in hexadecimal; ok is false when it was not built into this binary (make control).
func Sum() (digest string, ok bool) {
	f, err := files.Open("control.wasm")
	if err != nil {
		return "", false
	}
	defer f.Close() //nolint:errcheck // it lies in memory
	if sum != "" {
		return sum, true
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err == nil
}

// Module gives a copy of the built module; nil: there is none.
func Module() []byte {
	code, err := files.ReadFile("control.wasm")
	if err != nil {
		return nil
	}
	return code
}

// Description gives what the built module with that digest says of itself, as cmd/describe wrote it: {"sha256": …, "manifest": {…},
// "imports": […]}. Nil: nobody has, and the module is to be asked.
func Description(digest string) []byte {
	raw, err := files.ReadFile("control.json")
	var of struct {
		SHA256 string `json:"sha256"`
	}
	if err != nil || json.Unmarshal(raw, &of) != nil || of.SHA256 != digest {
		return nil
	}
	return raw
}
