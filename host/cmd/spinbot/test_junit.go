package main

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/pipetest"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

// The elements of JUnit XML that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name     string         `xml:"name,attr"`
		Class    string         `xml:"classname,attr"`
		File     string         `xml:"file,attr"`
		Line     int            `xml:"line,attr,omitempty"`
		Time     string         `xml:"time,attr"`
		Failures []junitProblem `xml:"failure"`
		Error    *junitProblem  `xml:"error"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes the results as JUnit XML: a suite is a test file, a case a run block. A file that is not valid has
// one case, with an error.
func writeJUnit(path string, files []pipetest.FileResult, took time.Duration) error {
	all := junitSuites{Time: seconds(took.Seconds())}
	for _, f := range files {
		s := junitSuiteOf(f)
		all.Suites = append(all.Suites, s)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
	}
	raw, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(xml.Header), append(raw, '\n')...), 0o644)
}

func junitSuiteOf(f pipetest.FileResult) junitSuite {
	s := junitSuite{Name: f.File}
	class := strings.TrimSuffix(filepath.ToSlash(f.File), testfile.Extension)
	total := 0.0
	for _, r := range f.Runs {
		total += r.Seconds
		c := junitCase{Name: r.Name, Class: class, File: f.File, Line: r.Range.Start.Line, Time: seconds(r.Seconds)}
		for _, failure := range r.Failures {
			c.Failures = append(c.Failures, problemOf(failure.Diagnostic()))
		}
		s.Cases = append(s.Cases, c)
	}
	if !f.Valid() {
		var b bytes.Buffer
		f.Diagnostics.Write(&b, testfile.Source, false)
		s.Errors = 1
		s.Cases = append(s.Cases, junitCase{Name: "the file is valid", Class: class, File: f.File, Time: seconds(0),
			Error: &junitProblem{Message: f.Diagnostics[0].Summary, Text: b.String()}})
	}
	_, s.Failures = f.Count()
	s.Tests, s.Time = len(s.Cases), seconds(total)
	return s
}

func problemOf(d diagnostic.Diagnostic) junitProblem {
	var b bytes.Buffer
	diagnostic.Diagnostics{d}.Write(&b, testfile.Source, false)
	return junitProblem{Message: d.Summary, Text: b.String()}
}

func seconds(s float64) string { return strconv.FormatFloat(s, 'f', 3, 64) }
