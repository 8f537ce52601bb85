package collector

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// TestForgetProgram: fewer pages of the program are resident, and it goes on.
func TestForgetProgram(t *testing.T) { //nolint:paralleltest // what others touch comes back
	resident := func() int {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip(err)
		}
		kib, err := strconv.Atoi(string(regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)[1]))
		if err != nil {
			t.Fatal(err)
		}
		return kib
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(program); err != nil { // in the kernel's cache
		t.Fatal(err)
	}
	before := resident()
	forgetProgram()
	if after := resident(); after >= before {
		t.Errorf("%d KiB of files are resident, %d were before", after, before)
	}
}
