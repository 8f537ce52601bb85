//go:build ignore

// Vulndb lays the reports of the module golang.org/x/vulndb out as govulncheck wants a database:
// vulndb MODULE-DIR MODULE-INFO OUT-DIR. Most reports have no time of their own: all have that of the module, which its info tells.
// The Go proxy has that module wherever it has the others, and vuln.go.dev is not always reached.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

type report struct {
	ID        string     `json:"id"`
	Withdrawn *time.Time `json:"withdrawn"`
	Affected  []struct {
		Package struct {
			Name string `json:"name"`
		} `json:"package"`
	} `json:"affected"`
}

type vuln struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
}

type module struct {
	Path  string `json:"path"`
	Vulns []vuln `json:"vulns"`
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: vulndb MODULE-DIR MODULE-INFO OUT-DIR")
		os.Exit(2)
	}
	if err := lay(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "vulndb:", err)
		os.Exit(1)
	}
}

func lay(from, info, to string) error {
	var of struct{ Time time.Time }
	raw, err := os.ReadFile(info)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &of); err != nil || of.Time.IsZero() {
		return fmt.Errorf("%s does not tell of when the reports are (%v): change scripts/vulndb.go", info, err)
	}
	files, err := filepath.Glob(filepath.Join(from, "data", "osv", "*.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("%s has no data/osv/*.json: golang.org/x/vulndb keeps its reports elsewhere now: change scripts/vulndb.go", from)
	}
	modules := map[string][]vuln{}
	for _, dir := range []string{"ID", "index"} {
		if err := os.MkdirAll(filepath.Join(to, dir), 0o755); err != nil {
			return err
		}
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var r report
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if r.Withdrawn != nil {
			continue
		}
		seen := map[string]bool{}
		for _, a := range r.Affected {
			if name := a.Package.Name; !seen[name] {
				seen[name] = true
				modules[name] = append(modules[name], vuln{r.ID, of.Time})
			}
		}
		if err := os.WriteFile(filepath.Join(to, "ID", r.ID+".json"), raw, 0o644); err != nil {
			return err
		}
	}
	var index []module
	for path, vulns := range modules {
		index = append(index, module{path, vulns})
	}
	for name, v := range map[string]any{"modules": index, "db": map[string]time.Time{"modified": of.Time}} {
		raw, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, "index", name+".json"), raw, 0o644)
		}
		if err != nil {
			return err
		}
	}
	fmt.Printf("%d reports, as of %s\n", len(files), of.Time.Format(time.DateOnly))
	return nil
}
