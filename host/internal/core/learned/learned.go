// Package learned owns what earlier tasks have taught: how much device memory a kind of task needs, and how long it takes.
// It is pure; who measures, and where it is stored, is somebody else's.
package learned

import (
	"fmt"
	"math/bits"
	"slices"
	"time"
)

// Table is what earlier tasks have taught, by kind. It is plain data, so that it can be stored.
type Table struct {
	Kinds map[string]*Kind `json:"kinds"`
}

// Kind is what is known of tasks that are alike: see KindOf.
type Kind struct {
	// Peaks, Lasts and Loads are of the last tasks that ended well, in bytes and seconds, the newest last.
	Peaks []int64   `json:"peaks,omitempty"`
	Lasts []float64 `json:"lasts,omitempty"`
	Loads []float64 `json:"loads,omitempty"`
	// Grant is the smallest grant with which a task of an elastic node type ran at its normal speed, TooSmall the largest
	// with which one did not, in bytes.
	Grant    int64     `json:"grant,omitempty"`
	TooSmall int64     `json:"too_small,omitempty"`
	Seen     time.Time `json:"seen"`
}

// The bounds of learning.
const (
	samples  = 8    // that are kept
	enough   = 3    // after which they count
	mostKept = 4096 // kinds
	// slow is by how much a task has to be slower than its kind for its memory to be the likely reason.
	slow   = 5
	margin = 256 << 20 // beside a tenth, for what was measured between two looks
)

// KindOf names tasks that are alike: of one node type, model and rung, and of about one size. Size is whatever the work
// grows with, such as pixels times frames; 0: nothing is known of it.
func KindOf(nodeType, model string, rung int, size int64) string {
	return fmt.Sprintf("%s\x1f%s\x1f%d\x1f%d", nodeType, model, rung, bits.Len64(uint64(max(0, size))))
}

// Ran is how a task went.
type Ran struct {
	Peak, Granted  int64 // bytes of the device on which it used most; Peak 0: nobody measured
	Lasted, Loaded time.Duration
	Short          bool // it ran out of device memory, or crawled for lack of it
}

// Learn takes in how a task went.
func (l *Table) Learn(kind string, r Ran, now time.Time) {
	if l.Kinds == nil {
		l.Kinds = map[string]*Kind{}
	}
	k := l.Kinds[kind]
	if k == nil {
		l.forget()
		k = &Kind{}
		l.Kinds[kind] = k
	}
	k.Seen = now
	if r.Short {
		k.TooSmall = max(k.TooSmall, r.Granted)
		if k.Grant <= k.TooSmall {
			k.Grant = 0
		}
		return
	}
	if r.Peak > 0 {
		k.Peaks = keepLast(k.Peaks, r.Peak)
	}
	k.Lasts = keepLast(k.Lasts, r.Lasted.Seconds())
	if r.Loaded > 0 {
		k.Loads = keepLast(k.Loads, r.Loaded.Seconds())
	}
	if r.Granted > k.TooSmall && (k.Grant == 0 || r.Granted < k.Grant) {
		k.Grant = r.Granted
	}
}

func keepLast[T any](list []T, x T) []T {
	if len(list) == samples {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, x)
}

// forget makes room for another kind.
func (l *Table) forget() {
	if len(l.Kinds) < mostKept {
		return
	}
	oldest, at := "", time.Time{}
	for name, k := range l.Kinds {
		if oldest == "" || k.Seen.Before(at) || k.Seen.Equal(at) && name < oldest {
			oldest, at = name, k.Seen
		}
	}
	delete(l.Kinds, oldest)
}

// Memory says how much memory of a device a task needs, in bytes: as learned, else as declared. 0: nobody knows. learned is
// how many tasks taught it; 0: none.
func (l *Table) Memory(kind string, declared int64, elastic bool) (need int64, learned int) {
	k := l.Kinds[kind]
	if k == nil {
		return declared, 0
	}
	need = declared
	switch {
	case elastic && k.Grant > 0 && len(k.Lasts) >= enough:
		need, learned = k.Grant, len(k.Lasts)
	case !elastic && len(k.Peaks) >= enough:
		peak := slices.Max(k.Peaks)
		need, learned = round(peak+peak/10+margin), len(k.Peaks)
	}
	if k.TooSmall >= need && need > 0 { // it was not enough before
		need = round(k.TooSmall + k.TooSmall/4)
	}
	return need, learned
}

// round gives whole multiples of 64 MiB: tasks that need about the same wait in one line.
func round(n int64) int64 {
	const step = 64 << 20
	return (n + step - 1) / step * step
}

// Lasts is how long a task takes once its model is loaded, and Loads how long that takes: medians; 0: nobody knows.
func (l *Table) Lasts(kind string) (lasts, loads time.Duration) {
	k := l.Kinds[kind]
	if k == nil {
		return 0, 0
	}
	return seconds(median(k.Lasts)), seconds(median(k.Loads))
}

// Crawls says whether a task that has taken so long is so much slower than its kind that lack of memory is the likely
// reason, given that its device has none left.
func (l *Table) Crawls(kind string, elapsed time.Duration) bool {
	k := l.Kinds[kind]
	return k != nil && len(k.Lasts) >= enough && elapsed > slow*seconds(median(k.Lasts)+median(k.Loads))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}
