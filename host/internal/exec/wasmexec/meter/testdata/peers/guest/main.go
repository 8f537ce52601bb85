// Command guest is what the peers are compared on: work without input, so that each runs it as it is.
package main

import (
	"encoding/binary"
	"encoding/json"
)

var text = []byte(`{"run":"01J9ZK7R8Q5M3X2V1T0S4P6N7B","step":7,"vars":{"branch":"main","retries":3,"ok":true,"tags":["a","b","c"],"env":{"region":"eu","tier":"gold"}}}`)

// decoded is text through encoding/json and back.
//
//go:wasmexport json
func decoded() int32 {
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		return 1
	}
	v["seen"] = true
	out, err := json.Marshal(v)
	if err != nil || len(out) < len(text) {
		return 1
	}
	return 0
}

var pairs = func() (b []byte) {
	for _, s := range []string{"run", "01J9ZK7R8Q5M3X2V1T0S4P6N7B", "step", "7", "branch", "main", "retries", "3", "tags", "a,b,c", "region", "eu", "tier", "gold"} {
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b
}()

// codec is pairs through a map and back.
//
//go:wasmexport codec
func codec() int32 {
	m := make(map[string]string, 8)
	next := func(b []byte) (string, []byte) {
		n := 2 + int(binary.LittleEndian.Uint16(b))
		return string(b[2:n]), b[n:]
	}
	for b := pairs; len(b) > 0; {
		var k, v string
		k, b = next(b)
		v, b = next(b)
		m[k] = v
	}
	m["seen"] = "8"
	out := make([]byte, 0, len(pairs)+32)
	for k, v := range m {
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(k))), k...)
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(v))), v...)
	}
	if len(out) < len(pairs) {
		return 1
	}
	return 0
}

var sum uint64

// loop is a tight loop of a million rounds.
//
//go:wasmexport loop
func loop() int32 {
	x := sum
	for i := range uint64(1 << 20) {
		x = x*6364136223846793005 + i
	}
	sum = x
	return 0
}

func main() {}
