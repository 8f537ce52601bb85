//go:build !linux

package symptom

import "io/fs"

// KernelKills knows nothing here.
func KernelKills(fs.FS) (int64, bool) { return 0, false }
