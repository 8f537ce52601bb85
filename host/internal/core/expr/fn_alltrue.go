package expr

var alltrueFunction = Function{
	"alltrue", "whether all are true",
	`alltrue([true, false])`, `false`,
	fold(true),
}
