package csv

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/sdk"
)

func read(text, what string, in inputs, comma rune) (outputs, error) {
	if in.Header && len(in.Columns) > 0 {
		return outputs{}, sdk.Refuse("columns are given for a text that has a header", "write header = false, or leave columns out")
	}
	out := outputs{Rows: []any{}, Columns: in.Columns, Text: text}
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.ReuseRecord, r.FieldsPerRecord = comma, true, len(in.Columns)
	cells := 0
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return outputs{}, explain(err, r, len(record), what)
		}
		if len(record) > maxColumns || len(out.Rows) == maxRows || cells > maxCells {
			return outputs{}, tooLarge(what)
		}
		if in.Header && out.Columns == nil {
			out.Columns = append([]string{}, record...)
			if err := unique(out.Columns, what); err != nil {
				return outputs{}, err
			}
			continue
		}
		cells += len(record)
		out.Rows = append(out.Rows, row(record, out.Columns, in.Types == "infer"))
	}
	out.Count = len(out.Rows)
	if in.Header && out.Columns == nil {
		return outputs{}, sdk.Refuse(what+" is empty: it has no header", "give at least a line with the columns' names")
	}
	if out.Columns == nil {
		out.Columns = []string{}
	}
	return out, nil
}

// explain says where the text goes wrong, in words for people.
func explain(err error, r *csv.Reader, got int, what string) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return sdk.Refuse(what+" cannot be read: "+err.Error(), "")
	}
	where := what + ", line " + strconv.Itoa(p.Line)
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		return sdk.Refuse(where+": there are "+strconv.Itoa(got)+" values, not "+strconv.Itoa(r.FieldsPerRecord), "give every row as many as there are columns; a value with the delimiter in it needs quotes")
	case errors.Is(err, csv.ErrBareQuote):
		return sdk.Refuse(where+", column "+strconv.Itoa(p.Column)+`: a " stands in a value without quotes`, `put the value in quotes, and write the " twice`)
	default:
		return sdk.Refuse(where+", column "+strconv.Itoa(p.Column)+`: a value in quotes does not end as it should`, `a " within quotes is written twice`)
	}
}

func row(record, columns []string, infer bool) any {
	if len(columns) == 0 {
		list := make([]any, len(record))
		for i, text := range record {
			list[i] = cell(text, infer)
		}
		return list
	}
	m := make(map[string]any, len(record))
	for i, text := range record {
		m[columns[i]] = cell(text, infer)
	}
	return m
}

func cell(text string, infer bool) any {
	text = strings.Clone(text) // else each value keeps its whole line
	if !infer {
		return text
	}
	switch {
	case text == "":
		return nil
	case text == "true" || text == "false":
		return text == "true"
	case len(text) <= 100 && sdk.IsNumber(text):
		return json.Number(text)
	}
	return text
}
