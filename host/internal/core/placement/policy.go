package placement

import (
	"fmt"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

// MaxBypassed is how often the first of a line is passed over on one device.
const MaxBypassed = 32

// Policy is what a person may decide about placement. Its zero value is a good one.
type Policy struct {
	// Ageing is how long a user's tasks of one priority go unserved before they rise by one; 0: a minute.
	Ageing time.Duration
	// Preempt is by how much a priority has to be higher for a running task to give way to it; 0: none does, but for
	// evictable ones.
	Preempt int
	// Quotas bound what a user has at once, by name; "*" is for those without their own.
	Quotas map[string]Quota
	// Reserve is memory of each device that no task is given, in bytes.
	Reserve int64
	// Order and Affinity are for comparing with the rules of other systems: see the package sim.
	Order    Order
	Affinity Affinity
}

// Quota bounds what one user has at once; 0: any number.
type Quota struct {
	Devices int
	Memory  int64 // bytes of device memory
}

func (q Quota) String() string {
	var parts []string
	if q.Devices > 0 {
		parts = append(parts, Counted(q.Devices, "device"))
	}
	if q.Memory > 0 {
		parts = append(parts, sdk.FormatSize(q.Memory))
	}
	return strings.Join(parts, " and ")
}

// Order says who goes first.
type Order string

// The orders. The empty one is ours.
const (
	Fair      Order = ""
	FirstCome Order = "first-come" // strictly: nobody passes the first that does not fit
	Backfill  Order = "backfill"   // first come, but whoever fits may go
)

// Affinity says which device is chosen.
type Affinity string

// The affinities. The empty one is ours.
const (
	Warmest     Affinity = ""
	LeastLoaded Affinity = "least-loaded" // the device with the most free memory
	Packed      Affinity = "packed"       // the smallest that fits, whatever is loaded there
	OnlyWarm    Affinity = "only-warm"    // where the model is loaded, however long that takes, and else the first that fits
)

// Counted is a number of things for people.
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
