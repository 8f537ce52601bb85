module github.com/myspinbot/spinbot/ui

go 1.26.0

ignore ./node_modules
