module github.com/myspinbot/spinbot/plugins/lora

go 1.26.0

toolchain go1.26.10

require gonum.org/v1/gonum v0.17.0

require github.com/dlclark/regexp2 v1.12.0

replace github.com/myspinbot/spinbot/sdk => ../../sdk
