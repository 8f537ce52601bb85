package main

import (
	"testing"

	"github.com/myspinbot/spinbot/plugins/render/av"
	"github.com/myspinbot/spinbot/plugins/render/design"
)

func TestClock(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]string{-1: "00:00:00,000", 0.0004: "00:00:00,000", 61.5: "00:01:01,500", 3723.9996: "01:02:04,000"} {
		if got := clock(s); got != want {
			t.Errorf("%v: got %s, want %s", s, got, want)
		}
	}
}

func TestTwoLines(t *testing.T) {
	t.Parallel()
	w := func(text ...string) (out []design.Word) {
		for _, x := range text {
			out = append(out, design.Word{Text: x})
		}
		return out
	}
	if got := twoLines(w("short", "one")); got != "short one" {
		t.Error(got)
	}
	if got := twoLines(w("a caption that is much", "longer than forty", "two letters")); got != "a caption that is much longer\nthan forty two letters" {
		t.Error(got)
	}
	if got := twoLines(w("averyveryveryveryveryveryveryveryveryverylongword")); got != "averyveryveryveryveryveryveryveryveryverylongword" {
		t.Error(got)
	}
}

func TestCaptionsFollowCrossFades(t *testing.T) {
	t.Parallel()
	say := []word{{"Hello", 0, 0.4}, {"there.", 0.5, 0.9}}
	f := &film{in: filmIn{Cross: 0.4, Lead: 0.45, Scenes: []filmScene{{Words: say}, {}, {Words: say}}}, clips: []av.Facts{{Seconds: 2, FPS: 30}, {Seconds: 3, FPS: 30}, {Seconds: 2, FPS: 30}}}
	f.layOut()
	want := "1\n00:00:00,450 --> 00:00:01,650\nHello there.\n\n2\n00:00:04,650 --> 00:00:05,850\nHello there.\n\n"
	if got := f.srt(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
