package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	heading  = regexp.MustCompile(`^## \[([^\]]+)\](?: - (\S+))?$`)
	semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`)
	kinds    = []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
)

// changelog says where a text differs from the form of Keep a Changelog, and whether it lacks a version; empty: none is asked for.
func changelog(text, version string) error {
	var errs []error
	wrong := func(line int, format string, args ...any) {
		errs = append(errs, fmt.Errorf("CHANGELOG.md:%d: %s", line+1, fmt.Sprintf(format, args...)))
	}
	lines := strings.Split(text, "\n")
	if lines[0] != "# Changelog" {
		wrong(0, "it begins with # Changelog")
	}
	var versions []string
	kind, entries, last := -1, 0, time.Time{}
	end := func() {
		if kind >= 0 && entries == 0 {
			wrong(kind, "nothing is below it")
		}
		kind = -1
	}
	for k, line := range lines {
		switch {
		case strings.HasPrefix(line, "## "):
			end()
			m := heading.FindStringSubmatch(line)
			if m == nil {
				wrong(k, "write ## [Unreleased] or ## [1.2.3] - 2006-01-02")
				continue
			}
			versions = append(versions, m[1])
			day, err := time.Parse(time.DateOnly, m[2])
			switch {
			case m[1] == "Unreleased" && (len(versions) > 1 || m[2] != ""):
				wrong(k, "Unreleased stands first, without a day")
			case m[1] != "Unreleased" && (!semantic.MatchString(m[1]) || err != nil):
				wrong(k, "a version has three numbers and a day: ## [1.2.3] - 2006-01-02")
			case !last.IsZero() && day.After(last):
				wrong(k, "it is younger than the version above it")
			}
			last = day
		case strings.HasPrefix(line, "### "):
			end()
			kind, entries = k, 0
			if !slices.Contains(kinds, line[4:]) {
				wrong(k, "%q is none of %s", line[4:], strings.Join(kinds, ", "))
			}
		case strings.HasPrefix(line, "- "):
			entries++
			if kind < 0 {
				wrong(k, "it stands below none of %s", strings.Join(kinds, ", "))
			}
		}
	}
	end()
	version = strings.TrimPrefix(version, "v")
	switch {
	case len(versions) == 0:
		wrong(0, "it has no ## [Unreleased] and no version")
	case version != "" && !slices.Contains(versions, version):
		wrong(0, "it has no ## [%s] - %s: name what is unreleased so", version, time.Now().Format(time.DateOnly))
	}
	return errors.Join(errs...)
}
