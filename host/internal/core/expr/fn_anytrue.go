package expr

var anytrueFunction = Function{
	"anytrue", "whether any is true",
	`anytrue([true, false])`, `true`,
	fold(false),
}
