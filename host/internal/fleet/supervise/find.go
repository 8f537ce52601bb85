package supervise

import (
	"fmt"
	"os/exec"
	"runtime"
)

// programs are what speaks Redis' protocol and keeps its files, best first.
var programs = []string{"redis-server", "valkey-server"}

// find gives the server's program.
func find(program string) (string, error) {
	if program != "" {
		path, err := exec.LookPath(program)
		if err != nil {
			return "", fmt.Errorf("the program %s: %w", program, err)
		}
		return path, nil
	}
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("neither redis-server nor valkey-server is in PATH: install one (%s), or name a Redis that runs elsewhere with --redis", install())
}

func install() string {
	if runtime.GOOS == "darwin" {
		return "brew install redis"
	}
	return "apt-get install redis-server, dnf install valkey, or apk add valkey"
}
