package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var csvdecodeFunction = Function{
	"csvdecode", "the rows of a CSV text with a header line, as objects",
	`csvdecode("a,b\n1,2")`, `[{ a = "1", b = "2" }]`,
	stdlib.CSVDecodeFunc,
}
