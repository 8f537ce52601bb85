package nodes

var turns int

// forever loops: in a guest, blocking everything would end the guest.
func forever() {
	for {
		turns++
	}
}
