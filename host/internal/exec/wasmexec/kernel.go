package wasmexec

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// extismModule is what Extism plug-ins import: memory that both sides share, addressed by offset, and what to do with
// it.
const extismModule = "extism:host/env"

// A kernel is the memory that an Extism plug-in shares with the host during one task.
type kernel struct {
	limit  uint64 // of mem, in bytes
	mem    []byte
	blocks map[uint64]uint64 // length by offset
	vars   map[string][]byte

	input, output uint64 // offsets
	outputLength  uint64
	failed        uint64 // offset of the error's text; 0: none
	response      guest.Response
}

// begin gives the plug-in its input.
func (k *kernel) begin(input []byte, limit int64) {
	*k = kernel{limit: uint64(limit), mem: k.mem[:0], blocks: map[uint64]uint64{}, vars: map[string][]byte{}}
	k.input = k.put(input)
}

// alloc gives a block of zeros; 0 when there is no room.
func (k *kernel) alloc(n uint64) uint64 {
	const first, align = 16, 8
	at := max(first, (uint64(len(k.mem))+align-1)&^uint64(align-1))
	if n == 0 || n > k.limit || at+n > k.limit {
		return 0
	}
	grown := int(at + n)
	if grown > cap(k.mem) {
		mem := make([]byte, grown, min(2*grown, int(k.limit)))
		copyMemory(mem, k.mem)
		k.mem = mem
	} else {
		from := len(k.mem)
		k.mem = k.mem[:grown]
		clear(k.mem[from:])
	}
	k.blocks[at] = n
	return at
}

func (k *kernel) put(b []byte) uint64 {
	at := k.alloc(uint64(len(b)))
	if at > 0 {
		copy(k.mem[at:], b)
	}
	return at
}

// block is what was allocated at an offset; nothing where nothing was.
func (k *kernel) block(at uint64) []byte {
	n := k.blocks[at]
	if n == 0 {
		return nil
	}
	return k.mem[at : at+n]
}

func (k *kernel) text(at uint64) string {
	if k.blocks[at] == 0 {
		return ""
	}
	return string(k.block(at)[:min(k.blocks[at], lineSize)])
}

// bytes are n at an offset; what is outside traps.
func (k *kernel) bytes(at, n uint64) []byte {
	if at > uint64(len(k.mem)) || n > uint64(len(k.mem))-at {
		panic(fmt.Errorf("%d bytes at %d are outside the plug-in's shared memory", n, at))
	}
	return k.mem[at : at+n]
}

// setVar keeps a variable, or forgets it.
func (k *kernel) setVar(name string, value uint64) {
	if value == 0 {
		delete(k.vars, name)
		return
	}
	kept := len(name) + len(k.block(value))
	for n, v := range k.vars {
		kept += len(n) + len(v)
	}
	if uint64(kept) > k.limit {
		panic(fmt.Errorf("its variables take more than %s", size(int64(min(k.limit, math.MaxInt64)))))
	}
	k.vars[name] = append([]byte(nil), k.block(value)...)
}

// offerExtism adds the module that Extism plug-ins import.
func offerExtism(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(extismModule)
	types := map[byte]api.ValueType{'i': api.ValueTypeI32, 'I': api.ValueTypeI64}
	add := func(name, params, results string, fn func(s *sandbox, k *kernel, stack []uint64)) {
		of := func(letters string) (out []api.ValueType) {
			for i := range letters {
				out = append(out, types[letters[i]])
			}
			return out
		}
		b = b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			s, ok := ctx.Value(sandboxKey{}).(*sandbox)
			if !ok {
				panic(errClosed)
			}
			fn(s, &s.kernel, stack)
		}), of(params), of(results)).Export(name)
	}
	offerBlocks(add)
	add("config_get", "I", "I", func(_ *sandbox, _ *kernel, stack []uint64) { stack[0] = 0 }) // there is none
	add("var_get", "I", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = k.put(k.vars[k.text(stack[0])]) })
	add("var_set", "II", "", func(_ *sandbox, k *kernel, stack []uint64) { k.setVar(k.text(stack[0]), stack[1]) })
	add("http_request", "II", "I", func(s *sandbox, _ *kernel, stack []uint64) { stack[0] = s.extismHTTP(stack[0], stack[1]) })
	add("http_status_code", "", "i", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = uint64(k.response.Status) })
	add("http_headers", "", "I", func(s *sandbox, _ *kernel, stack []uint64) { stack[0] = s.extismHeaders() })
	add("get_log_level", "", "i", func(_ *sandbox, _ *kernel, stack []uint64) { stack[0] = 0 }) // all
	for name, level := range map[string]string{"trace": "debug", "debug": "debug", "info": "info", "warn": "warn", "error": "error"} {
		add("log_"+name, "I", "", func(s *sandbox, k *kernel, stack []uint64) {
			s.report(sdk.Report{Kind: sdk.ReportLog, Level: level, Message: k.text(stack[0])})
			delete(k.blocks, stack[0])
		})
	}
	_, err := b.Instantiate(ctx)
	return err
}

func offerBlocks(add func(name, params, results string, fn func(s *sandbox, k *kernel, stack []uint64))) {
	le := binary.LittleEndian
	add("alloc", "I", "I", func(s *sandbox, k *kernel, stack []uint64) {
		n := stack[0]
		if stack[0] = k.alloc(n); stack[0] == 0 && n > 0 {
			s.memory.refused = n
		}
	})
	add("free", "I", "", func(_ *sandbox, k *kernel, stack []uint64) { delete(k.blocks, stack[0]) })
	length := func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = k.blocks[stack[0]] }
	add("length", "I", "I", length)
	add("length_unsafe", "I", "I", length)
	add("load_u8", "I", "i", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = uint64(k.bytes(stack[0], 1)[0]) })
	add("load_u64", "I", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = le.Uint64(k.bytes(stack[0], 8)) })
	add("store_u8", "Ii", "", func(_ *sandbox, k *kernel, stack []uint64) { k.bytes(stack[0], 1)[0] = byte(stack[1]) })
	add("store_u64", "II", "", func(_ *sandbox, k *kernel, stack []uint64) { le.PutUint64(k.bytes(stack[0], 8), stack[1]) })
	add("input_offset", "", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = k.input })
	add("input_length", "", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = k.blocks[k.input] })
	add("input_load_u8", "I", "i", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = uint64(k.bytes(k.input+stack[0], 1)[0]) })
	add("input_load_u64", "I", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = le.Uint64(k.bytes(k.input+stack[0], 8)) })
	add("output_set", "II", "", func(_ *sandbox, k *kernel, stack []uint64) {
		k.bytes(stack[0], stack[1])
		k.output, k.outputLength = stack[0], stack[1]
	})
	add("error_set", "I", "", func(_ *sandbox, k *kernel, stack []uint64) { k.failed = stack[0] })
	add("error_get", "", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = k.failed })
	add("memory_bytes", "", "I", func(_ *sandbox, k *kernel, stack []uint64) { stack[0] = uint64(len(k.mem)) })
	add("reset", "", "", func(_ *sandbox, k *kernel, _ []uint64) { clear(k.blocks) })
}
