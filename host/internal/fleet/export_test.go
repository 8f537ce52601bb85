package fleet

import "github.com/myspinbot/spinbot/host/internal/exec"

var errLetGo = exec.ErrLetGo
