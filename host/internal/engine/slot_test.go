package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
)

// chained is three control nodes, each of which needs the one before.
const chained = head + `
node "control.calc" "a" { v = 1 }
node "control.calc" "b" { v = node.a.v }
node "control.calc" "c" { v = node.b.v }
`

// TestRunKeepsItsSlot: a run goes on in its slot as long as its tasks take less than a millisecond together, and no longer.
func TestRunKeepsItsSlot(t *testing.T) {
	t.Parallel()
	const side = head + "node \"control.calc\" \"a\" {\n  for_each = range(3)\n  v = each.value\n}\n"
	for _, c := range []struct {
		name, text string
		took       time.Duration
		want       string
	}{
		{"short tasks one after the other", chained, 0, "111222"},
		{"short tasks side by side", side, 0, "111222"},
		{"long tasks one after the other", chained, time.Millisecond, "121212"},
		{"long tasks side by side", side, time.Millisecond, "121212"},
		{"tasks that are long together", chained, 600 * time.Microsecond, "112212"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			ids := map[string]string{}
			var order strings.Builder
			work := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
				mu.Lock()
				order.WriteString(ids[in.Address.Run])
				mu.Unlock()
				time.Sleep(c.took) // of the bubble
				return echo(ctx, in)
			}
			first := func(ctx context.Context, in *sdk.Task) (sdk.Result, error) {
				time.Sleep(time.Second)
				return echo(ctx, in)
			}
			bubble(t, map[string]task{"a": work, "b": work, "c": work, "first": first}, func(r *rig) {
				r.submit(head + "node \"control.calc\" \"first\" {}\n") // has the slot while the others come
				var waits []run.ID
				for _, name := range []string{"1", "2"} {
					synctest.Wait()
					mu.Lock()
					id := r.submit(c.text)
					ids[string(id)] = name
					mu.Unlock()
					waits = append(waits, id)
				}
				for _, id := range waits {
					r.wait(id, run.Succeeded)
				}
				if got := order.String(); got != c.want {
					r.Errorf("tasks began in the order %s of their runs, want %s", got, c.want)
				}
			}, func(x *engine.Config) { x.MaxControl = 1 })
		})
	}
}

// TestRefusedAppendKeepsNoSlotAhead: whichever append of a run is refused, the slot that it kept goes to others.
func TestRefusedAppendKeepsNoSlotAhead(t *testing.T) {
	t.Parallel()
	for refused := 2; refused <= 4; refused++ {
		bubble(t, map[string]task{}, func(r *rig) {
			r.journal.before = func(n int, _ store.Append) error {
				if n == refused {
					return errors.New("the disk is full")
				}
				return nil
			}
			id := r.submit(chained)
			synctest.Wait()
			r.journal.before = nil
			if r.Live() > 0 {
				r.Fatalf("append %d of %s was not refused", refused, id)
			}
			r.wait(r.submit(chained), run.Succeeded)
		}, func(x *engine.Config) { x.MaxControl = 1 })
	}
}
