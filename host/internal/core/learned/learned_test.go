package learned_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/learned"
)

const gib = int64(1) << 30

var now = time.Unix(1_700_000_000, 0)

func TestMemory(t *testing.T) {
	t.Parallel()
	ran := func(peaks ...int64) (out []learned.Ran) {
		for _, p := range peaks {
			out = append(out, learned.Ran{Peak: p * gib, Granted: 8 * gib, Lasted: 10 * time.Second})
		}
		return out
	}
	short := func(granted int64) learned.Ran { return learned.Ran{Granted: granted * gib, Short: true} }
	for name, c := range map[string]struct {
		ran         []learned.Ran
		declared    int64 // GiB
		elastic     bool
		least, most float64 // GiB
		samples     int
	}{
		"nothing is known":             {declared: 8, least: 8, most: 8},
		"nobody has said":              {},
		"two are not enough":           {ran: ran(2, 3), declared: 8, least: 8, most: 8},
		"less than was declared":       {ran: ran(2, 3, 2), declared: 8, least: 3.5, most: 3.7, samples: 3},
		"more than was declared":       {ran: ran(12, 10, 11), declared: 8, least: 13.4, most: 13.6, samples: 3},
		"the highest of the last":      {ran: ran(20, 2, 2, 2, 2, 2, 2, 2, 2), least: 2.4, most: 2.6, samples: 8},
		"it was not enough":            {ran: []learned.Ran{short(8)}, declared: 8, least: 10, most: 10},
		"it was not enough, twice":     {ran: []learned.Ran{short(8), short(10)}, declared: 8, least: 12.5, most: 12.5},
		"elastic: the least that did":  {ran: []learned.Ran{{Granted: 9 * gib}, {Granted: 6 * gib}, {Granted: 7 * gib}}, declared: 9, elastic: true, least: 6, most: 6, samples: 3},
		"elastic: not what was short":  {ran: []learned.Ran{{Granted: 9 * gib}, {Granted: 6 * gib}, short(6), {Granted: 7 * gib}}, declared: 9, elastic: true, least: 7, most: 7.6, samples: 3},
		"elastic: peaks say nothing":   {ran: ran(2, 2, 2), declared: 8, elastic: true, least: 8, most: 8, samples: 3},
		"never measured, never taught": {ran: ran(0, 0, 0, 0), declared: 8, least: 8, most: 8},
	} {
		var l learned.Table
		for _, r := range c.ran {
			l.Learn("k", r, now)
		}
		need, samples := l.Memory("k", c.declared*gib, c.elastic)
		if got := float64(need) / float64(gib); got < c.least || got > c.most || samples != c.samples {
			t.Errorf("%s: %.2f GiB of %d tasks, want %v to %v of %d", name, got, samples, c.least, c.most, c.samples)
		}
		if need%(64<<20) != 0 {
			t.Errorf("%s: %d is no multiple of 64 MiB", name, need)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	var l learned.Table
	if lasts, loads := l.Lasts("k"); lasts != 0 || loads != 0 || l.Crawls("k", time.Hour) {
		t.Error("something is known of nothing")
	}
	for _, s := range []int{12, 8, 10} {
		l.Learn("k", learned.Ran{Lasted: time.Duration(s) * time.Second, Loaded: 2 * time.Second}, now)
	}
	if lasts, loads := l.Lasts("k"); lasts != 10*time.Second || loads != 2*time.Second {
		t.Error(lasts, loads)
	}
	if l.Crawls("k", 59*time.Second) || !l.Crawls("k", 61*time.Second) {
		t.Error("five times 12 s is a minute")
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	same := learned.KindOf("comfyui.workflow", "sdxl", 0, 512*512)
	if learned.KindOf("comfyui.workflow", "sdxl", 0, 512*600) != same {
		t.Error("a little more is another kind")
	}
	for _, other := range []string{learned.KindOf("comfyui.workflow", "sdxl", 0, 2048*2048), learned.KindOf("comfyui.workflow", "flux", 0, 512*512),
		learned.KindOf("comfyui.workflow", "sdxl", 1, 512*512), learned.KindOf("comfyui.image", "sdxl", 0, 512*512), learned.KindOf("comfyui.workflow", "sdxl", 0, -1)} {
		if other == same {
			t.Errorf("%q is the same kind", other)
		}
	}
}

// TestKept: it can be stored, and never grows beyond its bound: what was seen longest ago goes.
func TestKept(t *testing.T) {
	t.Parallel()
	var l learned.Table
	for k := range 5000 {
		l.Learn(fmt.Sprint(k), learned.Ran{Peak: gib, Lasted: time.Second}, now.Add(time.Duration(k)*time.Second))
	}
	if len(l.Kinds) != 4096 || l.Kinds["0"] != nil || l.Kinds["4999"] == nil {
		t.Errorf("%d kinds", len(l.Kinds))
	}
	raw, err := json.Marshal(&l)
	var back learned.Table
	if err == nil {
		err = json.Unmarshal(raw, &back)
	}
	if err != nil || len(back.Kinds) != 4096 || back.Kinds["4999"].Peaks[0] != gib {
		t.Errorf("%v %d", err, len(back.Kinds))
	}
}
