package retention

import (
	"fmt"
	"sync"
	"time"

	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk"
)

// Room says whether there is room on disk to begin new work. Work that has begun goes on: stopping it would free
// nothing, and what is kept free is for it. It is safe for concurrent use, and cheap to ask before every attempt.
type Room struct {
	folders []string
	floor   int64
	space   func(folder string) (artifacts.Space, error)
	now     func() time.Time

	mu     sync.Mutex
	looked time.Time
	reason string // empty while there is room
}

// LookEvery is how often a Room looks at the disks, at most.
const LookEvery = time.Second

const (
	usualFloor   = 1 << 30
	usualPercent = 2  // of a small disk
	again        = 10 // percent above the floor from which on new work begins again, so that it does not flutter
)

// NoFloor makes a Room that always has some.
const NoFloor = -1

// NewRoom watches the disks of the folders. New work waits while less than floor bytes are free on one of them; 0: 1 GiB, or
// 2 % of the disk where that is less.
func NewRoom(floor int64, folders ...string) *Room {
	return &Room{folders: folders, floor: floor, space: artifacts.SpaceOf, now: time.Now}
}

// Reason says why no new work begins now, for people; it is empty when there is room. It looks at the disks once a
// second at most. A disk that tells nothing is no reason.
func (r *Room) Reason() string {
	if r.floor < 0 {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if since := now.Sub(r.looked); since >= 0 && since < LookEvery {
		return r.reason
	}
	r.looked = now
	waiting := r.reason != ""
	r.reason = ""
	for _, folder := range r.folders {
		s, err := r.space(folder)
		if err != nil {
			continue
		}
		floor := r.least(s)
		need := floor
		if waiting {
			need += floor * again / 100
		}
		if s.Free < need {
			r.reason = fmt.Sprintf("the disk of %s is nearly full: %s free, and new work begins from %s on; free some space there, or run spinbot gc",
				folder, sdk.FormatSize(int64(s.Free)), sdk.FormatSize(int64(need)))
			break
		}
	}
	return r.reason
}

// least is the floor of a disk.
func (r *Room) least(s artifacts.Space) uint64 {
	if r.floor > 0 {
		return uint64(r.floor)
	}
	return min(usualFloor, s.Total/100*usualPercent)
}
