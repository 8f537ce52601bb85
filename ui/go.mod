module github.com/myspinbot/spinbot/ui

go 1.26.0

toolchain go1.26.10

ignore ./node_modules
