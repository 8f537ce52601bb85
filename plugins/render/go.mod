module github.com/myspinbot/spinbot/plugins/render

go 1.26.0

require (
	github.com/myspinbot/spinbot/sdk v0.0.0
	golang.org/x/image v0.47.0
)

replace github.com/myspinbot/spinbot/sdk => ../../sdk
