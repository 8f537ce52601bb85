package book_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/placement"
)

// policies are those that the properties are tried with.
var policies = []placement.Policy{
	{},
	{Ageing: 10 * time.Second, Preempt: 1},
	{Quotas: map[string]placement.Quota{"*": {Devices: 3}, "user1": {Devices: 4, Memory: 60 * gib}}, Reserve: 2 * gib},
	{Order: placement.FirstCome},
	{Order: placement.Backfill, Affinity: placement.LeastLoaded},
	{Order: placement.Backfill, Affinity: placement.OnlyWarm},
	{Order: placement.Backfill, Affinity: placement.Packed},
}

func operations(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 11))
	ops := make([]byte, n)
	for k := range ops {
		ops[k] = byte(r.Uint32())
	}
	return ops
}

// TestBookKeepsItsWord plays random scenarios; the referee says what is wrong.
func TestBookKeepsItsWord(t *testing.T) {
	t.Parallel()
	seeds := uint64(300)
	if testing.Short() {
		seeds = 21
	}
	placed := 0
	for seed := range seeds {
		f := newReferee(t, policies[seed%uint64(len(policies))], operations(seed, 600))
		f.name = fmt.Sprintf("seed %d", seed)
		f.play()
		f.finish()
		placed += f.placed
	}
	if uint64(placed) < 50*seeds {
		t.Errorf("only %d tasks were placed in %d scenarios", placed, seeds)
	}
}

// TestSameCallsSameAnswers plays scenarios twice.
func TestSameCallsSameAnswers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		var said [2][]string
		for k := range said {
			f := newReferee(t, policies[seed%uint64(len(policies))], operations(seed+1000, 500))
			f.play()
			said[k] = f.said
		}
		if !slices.Equal(said[0], said[1]) {
			t.Errorf("seed %d: the same calls gave other answers", seed)
		}
	}
}

// FuzzBook plays any string of operations with any of the policies.
func FuzzBook(f *testing.F) {
	f.Add([]byte{0, 6, 0, 7, 5, 0, 9, 0, 14, 200}, uint8(0))
	f.Add([]byte{0, 12, 1, 4, 11, 0, 1, 13, 2, 0, 31, 1}, uint8(1))
	f.Fuzz(func(t *testing.T, ops []byte, policy uint8) {
		if len(ops) > 2000 {
			t.Skip("long")
		}
		r := newReferee(t, policies[int(policy)%len(policies)], ops)
		r.play()
		r.finish()
	})
}
