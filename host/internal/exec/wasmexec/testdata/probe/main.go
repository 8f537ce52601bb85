// A reactor that looks at the sandbox from inside, and presses against its walls.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net"
	"os"
	"strings"
	"time"
	"unsafe"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

func main() {
	guest.Main(sdk.Plugin{Name: "test", Version: "1.0.0", Nodes: []sdk.Node{
		node("world", world), node("count", count), node("loop", loop), node("greedy", greedy), node("talk", talk), node("big", big),
		node("fetch", fetch), node("raw", raw), node("store", store),
	}})
}

func node[In, Out any](verb string, run func(context.Context, In, *sdk.Task) (Out, error)) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{Name: "test." + verb, Description: verb, Revision: "1", Idempotent: true}, run)
}

type none struct{}

type seen struct {
	Now, Later, Random string
	Slept              int64 // ns, by the monotonic clock
	Environment        []string
	Escapes            []string // what could be had from outside
}

func world(context.Context, none, *sdk.Task) (seen, error) {
	s := seen{Now: stamp(), Environment: os.Environ()}
	start := time.Now()
	time.Sleep(time.Hour)
	s.Slept, s.Later = int64(time.Since(start)), stamp()
	raw := make([]byte, 8)
	_, _ = rand.Read(raw)
	s.Random = hex.EncodeToString(raw)
	for _, path := range []string{"/etc/passwd", "/proc/self/environ", "../../etc/passwd", "/artifacts/../etc/passwd"} {
		if b, err := os.ReadFile(path); err == nil {
			s.Escapes = append(s.Escapes, path+": "+string(b[:min(len(b), 20)]))
		}
	}
	for _, path := range []string{"/x", "/artifacts/x", "x"} {
		if os.WriteFile(path, []byte("x"), 0o600) == nil {
			s.Escapes = append(s.Escapes, "wrote "+path)
		}
	}
	if c, err := net.Dial("tcp", "127.0.0.1:1"); err == nil || strings.Contains(err.Error(), "connection refused") {
		_ = c
		s.Escapes = append(s.Escapes, "the network")
	}
	return s, nil
}

func stamp() string { return time.Now().UTC().Format(time.RFC3339Nano) }

var tasks int

type counted struct{ Tasks int }

func count(context.Context, none, *sdk.Task) (counted, error) {
	tasks++
	return counted{tasks}, nil
}

func loop(context.Context, none, *sdk.Task) (none, error) {
	for n := 0; ; n++ {
		tasks = n
	}
}

var kept [][]byte

func greedy(context.Context, none, *sdk.Task) (none, error) {
	for range 4 << 10 {
		kept = append(kept, make([]byte, 1<<20))
	}
	return none{}, nil
}

func talk(_ context.Context, _ none, t *sdk.Task) (none, error) {
	for range 100_000 {
		t.Log("info", "again and again")
	}
	return none{}, nil
}

type text struct{ Text string }

func big(context.Context, none, *sdk.Task) (text, error) {
	return text{strings.Repeat("x", 2<<20)}, nil
}

type wanted struct {
	URL     string
	Method  string `spin:",optional"`
	Secret  string `spin:",optional"`
	Timeout string `spin:",optional"`
}

type fetched struct {
	Status  int
	Body    string
	Slept   int64
	Refused string
}

// fetch keeps what it got, for the test to look at.
func fetch(_ context.Context, in wanted, _ *sdk.Task) (fetched, error) {
	q := guest.Request{URL: in.URL, Method: in.Method}
	if in.Secret != "" {
		q.Secrets = []guest.Secret{guest.Bearer(in.Secret)}
	}
	q.Timeout, _ = time.ParseDuration(in.Timeout)
	start := time.Now()
	p, err := guest.HTTP(q)
	if err != nil {
		return fetched{}, err
	}
	kept = append(kept, p.Body)
	return fetched{Status: p.Status, Body: string(p.Body), Slept: int64(time.Since(start))}, nil
}

//go:wasmimport spinbot random
//go:noescape
func hostRandom(p *byte, n uint32)

//go:wasmimport spinbot now
//go:noescape
func hostNow() int64

//go:wasmimport spinbot take
//go:noescape
func hostTake(p *byte)

type rawSeen struct {
	Now    int64
	Random string
}

// raw uses what needs no grant, as a guest without WASI would.
func raw(context.Context, none, *sdk.Task) (rawSeen, error) {
	b := make([]byte, 8)
	hostTake(&b[0]) // nothing is kept
	hostRandom(unsafe.SliceData(b), 8)
	return rawSeen{hostNow(), hex.EncodeToString(b)}, nil
}

type stored struct {
	Op       string
	Key, Old string `spin:",optional"`
	New      string `spin:",optional"`
	Size     int    `spin:",optional"` // of the value, instead of new
	Times    int    `default:"1"`
}

type result struct {
	Value string
	OK    bool
	Sum   int64
	Keys  []string
}

// store does one thing with the state; "none" stands for no value.
func store(_ context.Context, in stored, _ *sdk.Task) (r result, err error) {
	var kv guest.KV
	value := func(s string) []byte {
		if s == "none" {
			return nil
		}
		return []byte(s)
	}
	fresh := value(in.New)
	if in.Size > 0 {
		fresh = make([]byte, in.Size)
	}
	switch in.Op {
	case "get":
		var b []byte
		b, r.OK, err = kv.Get(in.Key)
		r.Value = string(b)
	case "set":
		err = kv.Set(in.Key, fresh)
	case "delete":
		err = kv.Delete(in.Key)
	case "swap":
		r.OK, err = kv.Swap(in.Key, value(in.Old), fresh)
	case "add":
		for range in.Times {
			if r.Sum, err = kv.Add(in.Key, 1); err != nil {
				break
			}
		}
	case "list":
		r.Keys, err = kv.List(in.Key)
	}
	return r, err
}
