package device_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/device"
)

// witness plays a string of operations on a table, and keeps its own account of what has to be true.
type witness struct {
	t       *testing.T
	table   *device.Table
	now     int
	ops     []byte
	leases  map[string]device.Lease
	old     []device.Lease // that have ended
	warm    map[string]device.Warm
	ghosts  map[string][]gone // by device
	used    map[string]int64  // by foreign processes, as last read
	ill     map[string]bool
	held    map[string]bool
	made    int
	epoch   uint64
	started bool
}

// gone is memory that was given up, and when.
type gone struct {
	memory int64
	at     int
}

const units = 3

func uuid(k byte) string { return fmt.Sprintf("GPU-%d", k%units) }

func newWitness(t *testing.T, ops []byte, trusting bool) *witness {
	t.Helper()
	w := &witness{t: t, table: device.NewTable(32*gib, 40*gib), ops: ops, leases: map[string]device.Lease{}, warm: map[string]device.Warm{},
		ghosts: map[string][]gone{}, used: map[string]int64{}, ill: map[string]bool{}, held: map[string]bool{}}
	w.table.TTL, w.table.Trusting = 20*time.Second, trusting
	w.observe(0)
	return w
}

// next gives the next byte; 0 at the end.
func (w *witness) next() byte {
	if len(w.ops) == 0 {
		return 0
	}
	b := w.ops[0]
	w.ops = w.ops[1:]
	return b
}

func (w *witness) play() {
	for len(w.ops) > 0 {
		w.now++
		switch op := w.next(); op % 8 {
		case 0, 1, 2:
			w.grant()
		case 3:
			w.release()
		case 4:
			w.renewOrExpire(op)
		case 5:
			w.keep(op)
		case 6:
			w.observe(w.next())
		case 7:
			w.hold(op)
		}
		w.check()
	}
}

// taken is what leases and warm models hold of a device.
func (w *witness) taken(uuid string) int64 {
	leased, sum := map[string]int64{}, int64(0)
	for _, l := range w.leases {
		if slices.Contains(l.Devices, uuid) {
			if l.Warm == "" {
				sum += l.Memory
			}
			leased[l.Warm] += l.Memory
		}
	}
	delete(leased, "")
	for id, m := range w.warm {
		if slices.Contains(m.Devices, uuid) {
			leased[id] = max(leased[id], m.Memory)
		}
	}
	for _, m := range leased {
		sum += m
	}
	return sum
}

// unseen is memory that was given up and has not been read as free since.
func (w *witness) unseen(uuid string) (sum int64) {
	for _, g := range w.ghosts[uuid] {
		sum += g.memory
	}
	return sum
}

// giveUp does something that ends the use of memory, and notes what has to be seen to be free. alive: its process lives on.
func (w *witness) giveUp(devices []string, alive func(string) bool, do func()) {
	before := map[string]int64{}
	for _, d := range devices {
		before[d] = w.taken(d)
	}
	do()
	for _, d := range devices {
		if m := before[d] - w.taken(d); m > 0 && !alive(d) {
			w.ghosts[d] = append(w.ghosts[d], gone{m, w.now})
		}
	}
}

func (w *witness) ended(l device.Lease) {
	w.giveUp(l.Devices, func(d string) bool { return l.Warm != "" && slices.Contains(w.warm[l.Warm].Devices, d) }, func() { delete(w.leases, l.ID) })
	w.old = append(w.old, l)
}

func (w *witness) grant() {
	n := 1 + int(w.next()%2)
	w.made++
	a := device.Ask{ID: fmt.Sprintf("t%d", w.made)}
	for k := range n {
		a.Devices = append(a.Devices, uuid(w.next()+byte(k)))
	}
	kind := w.next()
	a.Request = device.Request{Count: n, Memory: int64(w.next()%28) * gib, RAM: int64(kind%4) * 3 * gib, Disk: int64(kind%3) * 5 * gib, Exclusive: kind%16 == 0}
	if kind&32 != 0 {
		a.Warm = model(kind)
	}
	before := w.table.Revision()
	l, err := w.table.Grant(a, at(w.now))
	if err != nil {
		if w.table.Lease(a.ID) != nil || w.table.Revision() != before {
			w.t.Fatalf("%v, and something was granted", err)
		}
		return
	}
	for _, d := range a.Devices {
		if w.ill[d] || w.held[d] {
			w.t.Fatalf("%s is ill or held and was granted", d)
		}
		for _, other := range w.leases {
			if slices.Contains(other.Devices, d) && (other.Exclusive || a.Request.Exclusive) {
				w.t.Fatalf("%s shares %s with %s", a.ID, d, other.ID)
			}
		}
	}
	if l.Epoch <= w.epoch || w.table.Revision() == before {
		w.t.Fatalf("the epoch or the revision did not grow: %d", l.Epoch)
	}
	w.epoch = l.Epoch
	held := map[string]int64{} // before it, when others took what was granted
	for _, d := range a.Devices {
		held[d] = w.taken(d)
	}
	w.leases[a.ID] = l
	for _, d := range a.Devices {
		in := w.taken(d) + w.used[d]
		if !w.table.Trusting {
			in += w.unseen(d)
		}
		if in > 24*gib && w.taken(d) > held[d] {
			w.t.Fatalf("%s: %d of 24 GiB are given away", d, in/gib)
		}
	}
}

func (w *witness) pick() (device.Lease, bool) {
	if len(w.leases) == 0 {
		return device.Lease{}, false
	}
	ids := make([]string, 0, len(w.leases))
	for id := range w.leases {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return w.leases[ids[int(w.next())%len(ids)]], true
}

func (w *witness) release() {
	if len(w.old) > 0 {
		l := w.old[int(w.next())%len(w.old)]
		if w.table.Release(l.ID, l.Epoch, at(w.now)) || w.table.Renew(l.ID, l.Epoch, at(w.now)) {
			w.t.Fatalf("%s has ended, and was released or renewed", l.ID)
		}
	}
	l, ok := w.pick()
	if !ok {
		return
	}
	before := w.table.Revision()
	if w.table.Release(l.ID, l.Epoch-1, at(w.now)) || !w.table.Release(l.ID, l.Epoch, at(w.now)) || w.table.Revision() == before {
		w.t.Fatalf("%s is not released by who holds it, or the revision stays", l.ID)
	}
	w.ended(l)
}

func (w *witness) renewOrExpire(op byte) {
	if op&16 == 0 {
		if l, ok := w.pick(); ok {
			if !w.table.Renew(l.ID, l.Epoch, at(w.now)) {
				w.t.Fatalf("%s is not renewed", l.ID)
			}
			l.Expires = at(w.now).Add(w.table.TTL)
			w.leases[l.ID] = l
		}
		return
	}
	w.now += int(w.next() % 16)
	out := w.table.Expire(at(w.now))
	for _, l := range out {
		if mine, ok := w.leases[l.ID]; !ok || mine.Expires.After(at(w.now)) {
			w.t.Fatalf("%s expired too soon", l.ID)
		}
		w.ended(w.leases[l.ID])
	}
	for _, l := range w.leases {
		if !l.Expires.After(at(w.now)) {
			w.t.Fatalf("%s should have expired", l.ID)
		}
	}
}

func model(k byte) string { return fmt.Sprintf("p#%d", k%3) }

func (w *witness) keep(op byte) {
	id := model(op >> 4)
	if old, ok := w.warm[id]; ok && op&8 == 0 {
		w.table.Gone(id, at(w.now))
		w.giveUp(old.Devices, func(string) bool { return false }, func() { delete(w.warm, id) })
		return
	}
	d := uuid(op >> 4)
	m := device.Warm{ID: id, Process: "p", Devices: []string{d}, Memory: w.warm[id].Memory, Used: at(w.now)}
	if u := w.table.Unit(d); u.Free() > 0 { // what a process says it holds it holds, so it has to be there
		m.Memory += int64(w.next()) * gib % (u.Free() + 1)
	}
	w.table.Keep(m)
	w.warm[id] = m
}

// observe reads the devices, some seconds ago or now, with foreign processes, ills, and devices that vanish.
func (w *witness) observe(how byte) {
	read := w.now - int(how%2)*3
	var devices []device.Device
	for k := range byte(units) {
		id := uuid(k)
		w.ill[id] = how&4 != 0 && how>>4%units == k
		if w.ill[id] && how&8 != 0 && w.started {
			continue // it has vanished
		}
		foreign := int64(0)
		if how&2 != 0 {
			foreign = int64(how>>3) * gib % 20
		}
		used := foreign + w.taken(id)
		for _, g := range w.ghosts[id] {
			if g.at >= read { // the reading is from before
				used += g.memory
			}
		}
		d := reading(id, used, read, process(1, foreign), process(100, used-foreign))
		if w.ill[id] {
			d.Ill = "Xid 79"
		}
		devices = append(devices, d)
		w.used[id] = foreign
		w.ghosts[id] = slices.DeleteFunc(w.ghosts[id], func(g gone) bool { return g.at < read })
	}
	w.started = true
	w.table.Observe(devices, ours)
}

func (w *witness) hold(op byte) {
	id, why := uuid(op>>4), ""
	w.held[id] = op&8 != 0
	if w.held[id] {
		why = "a person"
	}
	if !w.table.Hold(id, why) {
		w.t.Fatalf("%s is not held", id)
	}
}

// check holds what the table says against the witness's own account.
func (w *witness) check() {
	var ram, disk int64
	for _, l := range w.leases {
		if w.table.Lease(l.ID) == nil {
			w.t.Fatalf("%s is lost", l.ID)
		}
		ram, disk = ram+l.RAM, disk+l.Disk
	}
	if ram > 32*gib || disk > 40*gib {
		w.t.Fatalf("%d GiB of RAM and %d of disk are given away", ram/gib, disk/gib)
	}
	if why := w.table.Short(&device.Request{RAM: 32*gib - ram, Disk: 40*gib - disk}); why != "" {
		w.t.Fatalf("what is left is refused: %s", why)
	}
	for _, u := range w.table.Units() {
		most := 24*gib - w.taken(u.UUID) - w.used[u.UUID]
		if !w.table.Trusting {
			most -= w.unseen(u.UUID)
		}
		if w.ill[u.UUID] { // its figures are old
			continue
		}
		if got := u.Free(); got > most {
			w.t.Fatalf("%s: %.2f GiB are said to be free, and there are %.2f", u.UUID, float64(got)/gib, float64(most)/gib)
		}
	}
}

func TestTableKeepsItsWord(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		ops := make([]byte, 400)
		for k := range ops {
			ops[k] = byte(r.Uint32())
		}
		w := newWitness(t, ops, seed%4 == 0)
		w.play()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzTable plays any string of operations.
func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 0, 0, 33, 9, 5, 7, 3, 1, 6, 6, 0}, false)
	f.Add([]byte{1, 1, 0, 1, 16, 12, 3, 0, 0, 14, 2, 6, 8}, true)
	f.Fuzz(func(t *testing.T, ops []byte, trusting bool) {
		newWitness(t, ops, trusting).play()
	})
}
