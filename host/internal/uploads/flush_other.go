//go:build !linux

package uploads

import "os"

// flush does nothing here: the end is slower.
func flush(*os.File, int64, int64) {}
