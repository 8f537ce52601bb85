// Command guest is a guest in Go that does a little of everything.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	count := map[string]int{}
	done := make(chan struct{})
	go func() {
		for _, w := range strings.Fields(string(text)) {
			count[w]++
		}
		close(done)
	}()
	<-done
	var lines []string
	for w, n := range count {
		lines = append(lines, fmt.Sprintf("%s %d %.3f", w, n, float64(len(w))/3))
	}
	sort.Strings(lines)
	out, err := json.Marshal(map[string]any{"args": os.Args, "lines": lines})
	fmt.Println(string(out), err)
	defer func() { fmt.Println(recover()); os.Exit(3) }()
	var none []int
	fmt.Println(none[len(lines)])
}
