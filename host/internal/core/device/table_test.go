package device_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

const gib = 1 << 30

var noon = time.Unix(1_700_000_000, 0)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// reading is a device of 24 GiB of which so much is used; below zero: nothing is measured.
func reading(uuid string, used int64, seconds int, processes ...device.Process) device.Device {
	d := device.Device{UUID: uuid, Kind: device.Fake, Name: "Fake", Memory: 24 * gib, Reading: device.Reading{At: at(seconds), Processes: processes}}
	if used >= 0 {
		free := d.Memory - used
		d.Reading.Used, d.Reading.Free = &used, &free
	}
	return d
}

func process(pid int, memory int64) device.Process { return device.Process{PID: pid, Memory: &memory} }

// ours are the processes from 100 on.
func ours(pid int) bool { return pid >= 100 }

func ask(id string, memory int64, devices ...string) device.Ask {
	return device.Ask{ID: id, Devices: devices, Request: device.Request{Count: len(devices), Memory: memory}}
}

func granted(t *testing.T, table *device.Table, a device.Ask, seconds int) device.Lease {
	t.Helper()
	l, err := table.Grant(a, at(seconds))
	if err != nil {
		t.Fatalf("%s: %v", a.ID, err)
	}
	return l
}

func refused(t *testing.T, table *device.Table, a device.Ask, why string) {
	t.Helper()
	before := table.Revision()
	_, err := table.Grant(a, at(0))
	var r *device.Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Error(), why) {
		t.Fatalf("%s: %v, not %q", a.ID, err, why)
	}
	if r.Revision != before || table.Revision() != before {
		t.Errorf("%s: a refusal is as of revision %d, the table was at %d and is at %d", a.ID, r.Revision, before, table.Revision())
	}
}

func free(t *testing.T, table *device.Table, uuid string, want int64) {
	t.Helper()
	if got := table.Unit(uuid).Free(); got != want {
		t.Errorf("%s has %.1f GiB free, not %.1f", uuid, float64(got)/gib, float64(want)/gib)
	}
}

func two(t *testing.T) *device.Table {
	t.Helper()
	table := device.NewTable(64*gib, -1)
	table.Observe([]device.Device{reading("GPU-a", 0, 0), reading("GPU-b", 0, 0)}, nil)
	return table
}

func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	table := two(t)
	granted(t, table, ask("one", 20*gib, "GPU-b"), 0)
	refused(t, table, ask("both", 8*gib, "GPU-a", "GPU-b"), "GPU-b has 4 GiB free, and 8 GiB are needed")
	free(t, table, "GPU-a", 24*gib)
	refused(t, table, ask("twice", gib, "GPU-a", "GPU-a"), "was asked for twice")
	refused(t, table, ask("else", gib, "GPU-a", "GPU-c"), "is not a device of this agent")
	refused(t, table, ask("one", gib, "GPU-a"), "a lease of one is there already")
	granted(t, table, ask("both", 4*gib, "GPU-a", "GPU-b"), 0)
	free(t, table, "GPU-b", 0)
}

func TestEpochFence(t *testing.T) {
	t.Parallel()
	table := two(t)
	first := granted(t, table, ask("task", gib, "GPU-a"), 0)
	if table.Renew("task", first.Epoch+1, at(1)) || table.Release("task", first.Epoch+1, at(1)) {
		t.Error("another epoch is believed")
	}
	if !table.Release("task", first.Epoch, at(1)) || table.Release("task", first.Epoch, at(1)) {
		t.Error("a lease is released once")
	}
	second := granted(t, table, ask("task", gib, "GPU-a"), 2)
	if second.Epoch <= first.Epoch || table.Renew("task", first.Epoch, at(2)) || table.Release("task", first.Epoch, at(2)) {
		t.Error("who held it before ends the lease of who holds it now")
	}
	if !table.Renew("task", second.Epoch, at(2)) || table.Renew("nobody", 1, at(2)) {
		t.Error("a lease is renewed by who holds it, and nobody else")
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	table := two(t)
	table.TTL = 10 * time.Second
	kept := granted(t, table, ask("kept", gib, "GPU-a"), 0)
	granted(t, table, ask("second", gib, "GPU-a"), 1)
	granted(t, table, ask("first", gib, "GPU-b"), 0)
	if !table.Renew("kept", kept.Epoch, at(5)) {
		t.Fatal("not renewed")
	}
	if out := table.Expire(at(9)); len(out) != 0 {
		t.Errorf("too early: %v", out)
	}
	out := table.Expire(at(11))
	if len(out) != 2 || out[0].ID != "second" || out[1].ID != "first" { // as they were granted
		t.Errorf("expired: %v", out)
	}
	if table.Lease("kept") == nil || table.Lease("first") != nil {
		t.Error("the wrong ones are gone")
	}
	if table.Renew("first", out[1].Epoch, at(11)) {
		t.Error("what has expired is renewed")
	}
	if out := table.Expire(at(15)); len(out) != 1 || out[0].ID != "kept" {
		t.Errorf("ten seconds after it was renewed: %v", out)
	}
}

// TestAloneOnceItIsFree: who has a device alone waits for a reading that shows it free, however little was asked for.
func TestAloneOnceItIsFree(t *testing.T) {
	t.Parallel()
	table := device.NewTable(-1, -1)
	table.Keep(device.Warm{ID: "llama", Devices: []string{"GPU-a"}, Memory: 14 * gib})
	table.Observe([]device.Device{reading("GPU-a", 14*gib, 0)}, nil)
	table.Gone("llama", at(1))
	alone := ask("alone", 0, "GPU-a")
	alone.Request.Exclusive = true
	refused(t, table, alone, "has memory that was given up and is not free yet")
	table.Observe([]device.Device{reading("GPU-a", 0, 2)}, nil)
	granted(t, table, alone, 2)
}

func TestExclusive(t *testing.T) {
	t.Parallel()
	table := two(t)
	alone := ask("alone", gib, "GPU-a")
	alone.Request.Exclusive = true
	l := granted(t, table, alone, 0)
	refused(t, table, ask("other", gib, "GPU-a"), "is used by alone")
	if !table.Release("alone", l.Epoch, at(1)) {
		t.Fatal("not released")
	}
	table.Observe([]device.Device{reading("GPU-a", 0, 2), reading("GPU-b", 0, 2)}, nil)
	granted(t, table, ask("other", gib, "GPU-a"), 2)
	refused(t, table, alone, "is used by other")
}

func TestMemoryIsFreeOnceItIsSeenToBe(t *testing.T) {
	t.Parallel()
	for _, trusting := range []bool{false, true} {
		table := two(t)
		table.Trusting = trusting
		l := granted(t, table, ask("task", 20*gib, "GPU-a"), 10)
		table.Observe([]device.Device{reading("GPU-a", 20*gib, 11), reading("GPU-b", 0, 11)}, nil)
		free(t, table, "GPU-a", 4*gib)
		table.Release("task", l.Epoch, at(12))
		if trusting {
			free(t, table, "GPU-a", 24*gib)
			continue
		}
		free(t, table, "GPU-a", 4*gib)
		table.Observe([]device.Device{reading("GPU-a", 0, 11), reading("GPU-b", 0, 11)}, nil) // older than the release
		free(t, table, "GPU-a", 4*gib)
		table.Observe([]device.Device{reading("GPU-a", 20*gib, 13), reading("GPU-b", 0, 13)}, nil) // its process has not ended yet
		free(t, table, "GPU-a", 4*gib)
		before := table.Revision()
		table.Observe([]device.Device{reading("GPU-a", gib, 14), reading("GPU-b", 0, 14)}, nil)
		free(t, table, "GPU-a", 23*gib)
		if table.Revision() == before {
			t.Error("a refused request is not worth another try")
		}
	}
}

// Where nothing is measured there is nothing to wait for.
func TestUnmeasuredMemoryIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	table := device.NewTable(-1, -1)
	table.Observe([]device.Device{reading("GPU-a", -1, 0)}, nil)
	l := granted(t, table, ask("task", 20*gib, "GPU-a"), 0)
	table.Release("task", l.Epoch, at(1))
	free(t, table, "GPU-a", 24*gib)
}

// A process of ours that is told to have ended and still holds its memory holds it.
func TestProcessThatLingers(t *testing.T) {
	t.Parallel()
	table := device.NewTable(-1, -1)
	see := func(used int64, seconds int, p ...device.Process) {
		table.Observe([]device.Device{reading("GPU-a", used, seconds, p...)}, ours)
	}
	see(0, 0, process(1, 0))
	l := granted(t, table, ask("task", 10*gib, "GPU-a"), 1)
	see(10*gib, 2, process(100, 10*gib))
	free(t, table, "GPU-a", 14*gib)
	table.Release("task", l.Epoch, at(3))
	see(10*gib, 4, process(100, 10*gib))
	free(t, table, "GPU-a", 14*gib)
	see(12*gib, 5, process(100, 10*gib), process(1, 2*gib))
	free(t, table, "GPU-a", 12*gib)
	see(2*gib, 6, process(1, 2*gib))
	free(t, table, "GPU-a", 22*gib)
}

func TestForeignUse(t *testing.T) {
	t.Parallel()
	t.Run("by process", func(t *testing.T) {
		t.Parallel()
		table := device.NewTable(-1, -1)
		see := func(used int64, p ...device.Process) {
			table.Observe([]device.Device{reading("GPU-a", used, 0, p...)}, ours)
		}
		see(6*gib, process(1, 6*gib))
		free(t, table, "GPU-a", 18*gib)
		granted(t, table, ask("task", 10*gib, "GPU-a"), 1)
		free(t, table, "GPU-a", 8*gib)
		see(9*gib, process(1, 6*gib), process(100, 3*gib)) // it has not taken all that it was granted
		free(t, table, "GPU-a", 8*gib)
		see(18*gib, process(1, 8*gib), process(100, 10*gib))
		free(t, table, "GPU-a", 6*gib)
		refused(t, table, ask("more", 7*gib, "GPU-a"), "has 6 GiB free")
		see(10*gib, process(100, 10*gib))
		free(t, table, "GPU-a", 14*gib)
	})
	t.Run("as a whole", func(t *testing.T) {
		t.Parallel()
		table := device.NewTable(-1, -1)
		see := func(used int64, p ...device.Process) {
			table.Observe([]device.Device{reading("GPU-a", used, 0, p...)}, ours)
		}
		see(6 * gib)
		granted(t, table, ask("task", 10*gib, "GPU-a"), 1)
		free(t, table, "GPU-a", 8*gib)
		see(9 * gib)
		free(t, table, "GPU-a", 8*gib)
		see(18 * gib) // ours has its ten, so eight are foreign
		free(t, table, "GPU-a", 6*gib)
		see(gib) // whoever was there before cannot be using more than all that is used
		free(t, table, "GPU-a", 13*gib)
	})
	t.Run("an engine of somebody else's", func(t *testing.T) {
		t.Parallel()
		table := device.NewTable(-1, -1)
		table.Engines = []string{"GPU-a"}
		see := func(used int64) {
			table.Observe([]device.Device{reading("GPU-a", used, 0, process(1, used))}, ours)
		}
		see(15 * gib)
		free(t, table, "GPU-a", 9*gib)
		table.Keep(device.Warm{ID: "llama", Devices: []string{"GPU-a"}, Memory: 14 * gib}) // it says what it holds
		see(15 * gib)
		free(t, table, "GPU-a", 9*gib)
		again := ask("again", 14*gib, "GPU-a")
		again.Warm = "llama"
		granted(t, table, again, 0)
		see(20 * gib)
		free(t, table, "GPU-a", 4*gib)
	})
	t.Run("one process is not told", func(t *testing.T) {
		t.Parallel()
		table := device.NewTable(-1, -1)
		table.Observe([]device.Device{reading("GPU-a", 6*gib, 0, process(1, 2*gib), device.Process{PID: 100})}, ours)
		free(t, table, "GPU-a", 18*gib)
	})
}

func TestHeldAndIll(t *testing.T) {
	t.Parallel()
	table := two(t)
	if table.Hold("GPU-c", "why") || !table.Hold("GPU-a", "a game") {
		t.Error("a device that is not there is held, or one that is is not")
	}
	refused(t, table, ask("task", gib, "GPU-a"), "is held: a game")
	before := table.Revision()
	table.Hold("GPU-a", "a game")
	if table.Revision() != before {
		t.Error("nothing has changed, and the revision has")
	}
	table.Hold("GPU-a", "")
	if table.Revision() == before {
		t.Error("released, and the revision has not changed")
	}
	granted(t, table, ask("task", gib, "GPU-a"), 0)
	ill := reading("GPU-a", 0, 1)
	ill.Ill = "Xid 79"
	table.Observe([]device.Device{ill}, nil)
	refused(t, table, ask("other", gib, "GPU-a"), "Xid 79")
	refused(t, table, ask("other", gib, "GPU-b"), "is not there any more")
	if table.Lease("task") == nil {
		t.Error("a lease ends with who holds it, not with the device")
	}
	table.Observe([]device.Device{reading("GPU-a", 0, 2), reading("GPU-b", 0, 2)}, nil)
	granted(t, table, ask("other", gib, "GPU-a", "GPU-b"), 2)
}

func TestRAMAndDisk(t *testing.T) {
	t.Parallel()
	table := device.NewTable(16*gib, 100*gib)
	big := ask("big", 0)
	big.Request.RAM, big.Request.Disk = 10*gib, 60*gib
	l := granted(t, table, big, 0)
	big.ID = "again"
	refused(t, table, big, "needs 10 GiB of RAM, and 6 GiB of 16 GiB are free")
	big.Request.RAM = 6 * gib
	refused(t, table, big, "needs 60 GiB of disk, and 40 GiB of 100 GiB are free")
	table.Release("big", l.Epoch, at(1))
	granted(t, table, big, 2)
	table.SetAgent(4*gib, -1) // less than is leased
	big.ID, big.Request.RAM = "third", 1
	refused(t, table, big, "and 0 B of 4 GiB are free")
	big.Request.RAM = 0
	granted(t, table, big, 3)
}

func TestWarm(t *testing.T) {
	t.Parallel()
	table := two(t)
	w := device.Warm{ID: "p#m", Process: "p", Devices: []string{"GPU-a"}, Model: "m", Memory: 8 * gib, Used: at(0)}
	table.Keep(w)
	u := table.Unit("GPU-a")
	free(t, table, "GPU-a", 16*gib)
	with := ask("task", 10*gib, "GPU-a")
	with.Warm = "p#m"
	if u.Reclaimable() != 8*gib || !u.Idle(u.WarmOn()[0]) || u.Needs(10*gib, "p#m") != 2*gib || u.Needs(gib, "p#m") != 0 || u.Needs(gib, "") != gib {
		t.Error("what is warm is not counted as it should")
	}
	l := granted(t, table, with, 1) // its ten hold the eight
	free(t, table, "GPU-a", 14*gib)
	if u.Reclaimable() != 0 || u.Idle(u.WarmOn()[0]) {
		t.Error("what a task works with could be given up")
	}
	with.ID = "beside"
	granted(t, table, with, 1)
	free(t, table, "GPU-a", 4*gib)
	table.Release("task", l.Epoch, at(2)) // the process lives on: what it does not keep is free at once
	free(t, table, "GPU-a", 14*gib)
	table.Release("beside", table.Lease("beside").Epoch, at(2))
	free(t, table, "GPU-a", 16*gib)
	w.Memory, w.Foreign = 9*gib, true
	table.Keep(w)
	free(t, table, "GPU-a", 15*gib)
	if u.Reclaimable() != 0 {
		t.Error("an engine that works for somebody else gives nothing up")
	}
	table.Gone("p#m", at(3))
	table.Gone("p#m", at(3))
	free(t, table, "GPU-a", 15*gib) // not seen to be free yet
	table.Observe([]device.Device{reading("GPU-a", 0, 4), reading("GPU-b", 0, 4)}, nil)
	free(t, table, "GPU-a", 24*gib)
}

// TestWarmLargerThanTheDevice: what takes more than there is may go on being used, and leaves nothing to anybody else.
func TestWarmLargerThanTheDevice(t *testing.T) {
	t.Parallel()
	table := two(t)
	table.Keep(device.Warm{ID: "p#m", Process: "p", Devices: []string{"GPU-a"}, Model: "m", Memory: 32 * gib, Used: at(0)})
	free(t, table, "GPU-a", -8*gib)
	refused(t, table, ask("another", gib, "GPU-a"), "has 0 B free")
	with := ask("task", 24*gib, "GPU-a")
	with.Warm = "p#m"
	granted(t, table, with, 1)
	with.ID = "beside"
	refused(t, table, with, "has 0 B free")
}

// What is kept warm is counted where it is, also when that changes or was not known yet.
func TestWarmMoves(t *testing.T) {
	t.Parallel()
	table := device.NewTable(-1, -1)
	w := device.Warm{ID: "engine", Devices: []string{"GPU-a"}, Memory: 8 * gib}
	table.Keep(w)
	table.Observe([]device.Device{reading("GPU-a", -1, 0), reading("GPU-b", -1, 0)}, nil)
	free(t, table, "GPU-a", 16*gib)
	w.Devices = []string{"GPU-b"}
	table.Keep(w)
	free(t, table, "GPU-a", 24*gib)
	free(t, table, "GPU-b", 16*gib)
	if got := table.Warm(); len(got) != 1 || !slices.Equal(got[0].Devices, w.Devices) {
		t.Errorf("warm: %v", got)
	}
}

func TestReserve(t *testing.T) {
	t.Parallel()
	table := two(t)
	table.Reserve = gib
	refused(t, table, ask("task", 24*gib, "GPU-a"), "has 23 GiB free")
	granted(t, table, ask("task", 23*gib, "GPU-a"), 0)
}
