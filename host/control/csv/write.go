package csv

import (
	"encoding/csv"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/myspinbot/spinbot/host/control/value"
	"github.com/myspinbot/spinbot/sdk"
)

func write(rows []any, in inputs, comma rune) (outputs, error) {
	columns := in.Columns
	if len(columns) == 0 {
		columns = names(rows)
	}
	if len(rows) > maxRows || len(columns) > maxColumns || len(rows)*len(columns) > maxCells {
		return outputs{}, tooLarge("the table")
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Comma = comma
	if in.Header && len(columns) > 0 {
		if err := w.Write(columns); err != nil {
			return outputs{}, err
		}
	}
	for i, r := range rows {
		record, err := texts(r, columns, in.Header)
		if err != nil {
			return outputs{}, sdk.Refuse("rows["+strconv.Itoa(i)+"]"+err.Error(), "give texts, numbers, true and false; make a text of anything else with jsonencode")
		}
		if b.Len() > maxText || len(record) > maxColumns {
			return outputs{}, tooLarge("the table")
		}
		if err := w.Write(record); err != nil {
			return outputs{}, err
		}
	}
	w.Flush()
	if b.Len() > maxText {
		return outputs{}, tooLarge("the table")
	}
	if columns == nil {
		columns = []string{}
	}
	return outputs{rows, columns, len(rows), b.String()}, w.Error()
}

// names lists the names of all objects, in their order.
func names(rows []any) []string {
	all := map[string]bool{}
	for _, r := range rows {
		m, _ := r.(map[string]any)
		for k := range m {
			all[k] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// wrong is what a row has that CSV cannot say; it continues the row's name.
type wrong string

func (w wrong) Error() string { return string(w) }

func texts(row any, columns []string, header bool) ([]string, error) {
	switch row := row.(type) {
	case map[string]any:
		out := make([]string, len(columns))
		for i, c := range columns {
			text, ok := text(row[c])
			if !ok {
				return nil, wrong("." + c + " is " + value.Kind(row[c]) + ", which no CSV can hold")
			}
			out[i] = text
		}
		return out, nil
	case []any:
		if header && len(columns) == 0 {
			return nil, wrong(" is a list, and the header has no names: give columns, or header = false")
		}
		if len(columns) > 0 && len(row) != len(columns) {
			return nil, wrong(" has " + strconv.Itoa(len(row)) + " values, not " + strconv.Itoa(len(columns)))
		}
		out := make([]string, len(row))
		for i, x := range row {
			text, ok := text(x)
			if !ok {
				return nil, wrong("[" + strconv.Itoa(i) + "] is " + value.Kind(x) + ", which no CSV can hold")
			}
			out[i] = text
		}
		return out, nil
	}
	return nil, wrong(" is " + value.Kind(row) + ", neither an object nor a list")
}

func text(x any) (string, bool) {
	switch x := x.(type) {
	case nil:
		return "", true
	case string:
		return x, true
	case bool:
		return strconv.FormatBool(x), true
	case json.Number:
		return string(x), true
	}
	return "", false
}
