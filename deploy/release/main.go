// Command release does what a release needs beside goreleaser:
//
//	release licences FILE               looks at the licence of everything that ships, and writes their texts to FILE
//	release sbom VERSION ARCHIVE FILE   writes what an archive or a package is made of, as CycloneDX
//	release changelog [VERSION]         looks whether CHANGELOG.md has its form, and a section of the version
//
// It is a module of its own, and in no workspace: its libraries are nobody else's. It runs in the repository.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	root, err := repository()
	if err != nil {
		return err
	}
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch {
	case command == "licences" && len(args) == 2:
		return licences(root, args[1], out)
	case command == "sbom" && len(args) == 4:
		parts, err := shipped(root)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := sbom(args[1], args[2], parts, &b); err != nil {
			return err
		}
		return os.WriteFile(args[3], b.Bytes(), 0o644)
	case command == "changelog" && len(args) <= 2:
		raw, err := os.ReadFile(root + "/CHANGELOG.md")
		if err != nil {
			return err
		}
		return changelog(string(raw), append(args, "")[1])
	}
	return fmt.Errorf("%q: write licences FILE, sbom VERSION ARCHIVE FILE, or changelog [VERSION]", args)
}

// licences looks at what ships and writes all their texts; what may not ship is all told at once.
func licences(root, file string, out io.Writer) error {
	parts, err := shipped(root)
	if err != nil {
		return err
	}
	for _, p := range parts {
		fmt.Fprintf(out, "%-6s %-62s %-44s %s\n", p.kind, p.name, p.version, p.licence())
	}
	if err := refused(parts); err != nil {
		return err
	}
	var b bytes.Buffer
	notices(parts, &b)
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d parts, all with licences that may ship; their texts are in %s\n", len(parts), file)
	return nil
}
