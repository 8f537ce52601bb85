package sumvfs

import (
	"fmt"
	"sync"
)

// file is what is known of an open file.
type file struct {
	path string
	log  bool
}

func (f *file) damaged(format string, args ...any) {
	damage.Lock()
	defer damage.Unlock()
	if damage.byPath == nil {
		damage.byPath = map[string]error{}
	}
	damage.byPath[f.path] = &DamageError{f.path, fmt.Sprintf(format, args...)}
}

var damage struct {
	sync.Mutex
	byPath map[string]error
}

// Damage gives what was last found damaged in the database at path, as a *DamageError; nil when nothing was.
func Damage(path string) error {
	damage.Lock()
	defer damage.Unlock()
	return damage.byPath[path]
}

// files are the open ones, by the number that their C header carries.
var files openFiles

type openFiles struct {
	sync.RWMutex
	last uintptr
	byID map[uintptr]*file
}

func (o *openFiles) add(f *file) uintptr {
	o.Lock()
	defer o.Unlock()
	if o.byID == nil {
		o.byID = map[uintptr]*file{}
	}
	for o.last++; o.last == 0 || o.byID[o.last] != nil; o.last++ { // it wraps where addresses have 32 bits
	}
	o.byID[o.last] = f
	return o.last
}

func (o *openFiles) get(id uintptr) *file {
	o.RLock()
	defer o.RUnlock()
	return o.byID[id]
}

func (o *openFiles) remove(id uintptr) {
	o.Lock()
	defer o.Unlock()
	delete(o.byID, id)
}
