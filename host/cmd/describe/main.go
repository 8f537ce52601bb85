// Describe writes beside a module of control nodes what it says of itself, so that a host which has it linked in need not compile it to
// know: describe control.wasm writes control.json. It does nothing where that is there already, of the same module.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/exec/wasmexec"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: describe FILE.wasm")
		os.Exit(2)
	}
	if err := write(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "describe:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, file string) error {
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(code)
	digest := hex.EncodeToString(sum[:])
	base := strings.TrimSuffix(file, ".wasm")
	var last struct {
		SHA256 string `json:"sha256"`
	}
	if raw, err := os.ReadFile(base + ".json"); err == nil && json.Unmarshal(raw, &last) == nil && last.SHA256 == digest {
		return nil
	}
	d, err := ask(ctx, wasmexec.Module{Bytes: code, SHA256: digest})
	if err != nil {
		return err
	}
	raw, err := json.Marshal(struct {
		SHA256 string `json:"sha256"`
		catalog.Description
	}{digest, d})
	if err != nil {
		return err
	}
	return os.WriteFile(base+".json", raw, 0o644) //nolint:gosec // as the module beside it
}

func ask(ctx context.Context, m wasmexec.Module) (d catalog.Description, err error) {
	e := wasmexec.New(wasmexec.Config{})
	defer e.Close() //nolint:errcheck // it keeps nothing
	if d.Manifest, err = e.Describe(ctx, m); err == nil {
		d.Imports, err = e.Imports(ctx, m)
	}
	return d, err
}
