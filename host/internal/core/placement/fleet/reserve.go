package fleet

// Reserve keeps a device for the first task of a need.
func (f *Fleet) Reserve(n *Need, x *Spot) {
	if len(n.Spots) == 0 {
		f.kept++
		n.Kept = f.kept
	}
	n.Spots = append(n.Spots, x)
	x.Reserved = n
	if at := x.empties(n); len(n.Spots) == 1 {
		n.Due = at
	} else if at.After(n.Due) { // what it had is lent for longer now
		n.Due = at
		for _, y := range n.Spots {
			f.gain(y)
		}
	}
	if n.Blocked || len(n.Hopes) > 0 { // it may begin there at once
		n.Blocked, n.Hopes = false, append(n.Hopes, x)
	}
}

// Unreserve gives back what is reserved for a need.
func (f *Fleet) Unreserve(n *Need) {
	spots := n.Spots
	if r := &n.Task.Request; len(spots) > 0 && (r.RAM > 0 || r.Disk > 0) {
		f.freed = true
	}
	n.Spots = nil
	for _, x := range spots {
		x.Reserved = nil
	}
	for _, x := range spots {
		f.changed(x)
	}
}

// Short says what the agent itself has too little of for a task of the need, beside those for which devices were reserved there
// before; empty when it has enough.
func (g *Agent) Short(n *Need) string {
	r := n.Task.Request
	if r.RAM == 0 && r.Disk == 0 {
		return ""
	}
	for _, x := range g.Spots {
		if o := x.Reserved; o != nil && o != n && o.Spots[0] == x && (len(n.Spots) == 0 || o.Kept < n.Kept) {
			r.RAM, r.Disk = r.RAM+min(r.RAM, 1)*o.Task.Request.RAM, r.Disk+min(r.Disk, 1)*o.Task.Request.Disk
		}
	}
	return g.Table.Short(&r)
}
