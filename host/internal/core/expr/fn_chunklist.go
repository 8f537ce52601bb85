package expr

import "github.com/zclconf/go-cty/cty/function/stdlib"

var chunklistFunction = Function{
	"chunklist", "a list cut into lists of so many",
	`chunklist([1, 2, 3], 2)`, `[[1, 2], [3]]`,
	stdlib.ChunklistFunc,
}
