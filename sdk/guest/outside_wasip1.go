package guest

import "unsafe"

// One function for each import: the linker drops the import of one that is not used.

func askHTTP(request []byte) ([]byte, error) {
	return taken(hostHTTP(unsafe.SliceData(request), uint32(len(request))))
}

func askKV(request []byte) ([]byte, error) {
	return taken(hostKV(unsafe.SliceData(request), uint32(len(request))))
}

// taken fetches an answer of n bytes.
func taken(n uint32) (payload []byte, err error) {
	answer := make([]byte, n)
	if n > 0 {
		hostTake(unsafe.SliceData(answer))
	}
	return DecodeAnswer(answer)
}

//go:wasmimport spinbot http
//go:noescape
func hostHTTP(request *byte, length uint32) uint32

//go:wasmimport spinbot kv
//go:noescape
func hostKV(request *byte, length uint32) uint32

//go:wasmimport spinbot take
//go:noescape
func hostTake(answer *byte)
