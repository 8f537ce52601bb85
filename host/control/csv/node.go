// Package csv is control.csv: CSV text becomes a list of objects, and a list of objects CSV text, as RFC 4180 has it.
package csv

import (
	"context"
	"strconv"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

// Bounds: what a table of these sizes takes in memory fits a control node.
const (
	maxText    = 4 << 20
	maxRows    = 20_000
	maxColumns = 1000
	maxCells   = 200_000
)

type inputs struct {
	Text      string        `spin:",optional" doc:"CSV text to read; or give a file or rows"`
	File      *sdk.Artifact `accept:"text/*" doc:"A file of CSV to read, instead of text"`
	Rows      *[]any        `doc:"Objects to write as CSV, or lists with header = false"`
	Columns   []string      `spin:",optional" max:"1000" doc:"The columns: when reading a text without a header, their names; when writing, which and in which order. Left out when writing, all that there are by name"`
	Header    bool          `default:"true" doc:"Whether the first line holds the columns' names"`
	Delimiter string        `default:"," min:"1" max:"1" doc:"What stands between values: , ; | or a tab"`
	Types     string        `default:"text" enum:"text|infer" doc:"text leaves values as they are; infer makes numbers of 1.5 (not of 007), true and false of these words, and null of nothing"`
}

type outputs struct {
	Rows    []any    `doc:"The rows: objects, or lists when there are no names"`
	Columns []string `doc:"The columns' names in their order"`
	Count   int      `doc:"How many rows there are, without the header"`
	Text    string   `doc:"The rows as CSV"`
}

// Node makes the node.
func Node() sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name:        "control.csv",
		Description: "Reads CSV text as a list of objects, and writes a list of objects as CSV text",
		Revision:    "1", Idempotent: true,
		Examples: []sdk.Example{{
			Title: "The rows of a file",
			HCL: `node "control.csv" "orders" {
  file      = var.orders
  delimiter = ";"
  types     = "infer"
}`,
		}, {
			Title: "A table of what was made",
			HCL: `node "control.csv" "table" {
  rows    = [{ title = "One", seconds = 12.5 }, { title = "Two", seconds = 9 }]
  columns = ["title", "seconds"]
}`,
		}},
	}, run)
}

func run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	comma, _ := utf8.DecodeRuneInString(in.Delimiter)
	if comma == '"' || comma == '\n' || comma == '\r' || comma == utf8.RuneError || comma == '\uFEFF' {
		return outputs{}, sdk.Refuse("the delimiter "+strconv.Quote(in.Delimiter)+" cannot be one", `write delimiter = ";" or "\t"`)
	}
	if err := unique(in.Columns, "columns"); err != nil {
		return outputs{}, err
	}
	source := value.Source{Name: "text", Text: in.Text, File: in.File, Max: maxText}
	if in.Rows != nil {
		if source.Given() {
			return outputs{}, sdk.Refuse("both rows and a text or file are given", "leave one of them out")
		}
		return write(*in.Rows, in, comma)
	}
	if !source.Given() {
		return outputs{}, sdk.Refuse("there is nothing to read or write", "give text or file to read CSV, or rows to write it")
	}
	text, what, err := source.Read()
	if err != nil {
		return outputs{}, err
	}
	return read(text, what, in, comma)
}

func unique(names []string, what string) error {
	seen := make(map[string]int, len(names))
	for i, n := range names {
		if j, twice := seen[n]; twice {
			return sdk.Refuse(what+": the name "+strconv.Quote(n)+" stands twice, as columns "+strconv.Itoa(j+1)+" and "+strconv.Itoa(i+1),
				"rename one; for a text whose header cannot be changed, take its first line away and give columns with header = false")
		}
		if n == "" {
			return sdk.Refuse(what+": column "+strconv.Itoa(i+1)+" has no name", "name it; for a text whose header cannot be changed, take its first line away and give columns with header = false")
		}
		seen[n] = i
	}
	return nil
}

func tooLarge(what string) error {
	return sdk.Refuse(what+" is too large: at most "+strconv.Itoa(maxRows)+" rows, "+strconv.Itoa(maxColumns)+" columns and "+strconv.Itoa(maxCells)+" values are taken", "cut it up before")
}
