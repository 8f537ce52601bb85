//go:build byhand

package main

import (
	"fmt"
	"github.com/myspinbot/spinbot/plugins/render/design"
	"github.com/myspinbot/spinbot/plugins/render/frame"
	"image"
	_ "image/jpeg"
	"image/png"
	"os"
	"testing"
)

func TestFrames(t *testing.T) {
	f, _ := os.Open("../../pipelines/explainer/picture.jpg")
	pic, _, _ := image.Decode(f)
	w := func(s ...string) (o []design.Word) {
		for i, x := range s {
			o = append(o, design.Word{x, float64(i) * 0.3, float64(i)*0.3 + 0.28})
		}
		return
	}
	cards := []design.Card{
		{Layout: "hook", Text: "Your graphics card is bored right now.", Words: w("Your", "graphics", "card", "is", "bored", "right", "now.")},
		{Layout: "title", Heading: "MySpinBot", Text: "Pipelines for the graphics cards you own", Words: w("MySpinBot", "gives", "it", "something", "to", "do,", "from", "a", "text", "file")},
		{Layout: "split", Heading: "One file, one pipeline", Number: 1, Points: []string{"References make the graph", "All else runs at once", "Checked before it starts"}, Words: w("You", "write", "down", "what", "should", "happen,", "and", "MySpinBot")},
		{Layout: "picture", Heading: "Light work is caged, heavy work is shared", Number: 2, Words: w("Small", "decisions", "run", "in", "a", "sandbox,", "with", "no", "files", "and", "no", "network.")},
		{Layout: "points", Heading: "Pull the plug", Number: 3, Points: []string{"Every decision is on disk first", "Finished nodes never run twice", "Results are kept by their content", "One command resumes the rest"}, Words: w("Cut", "the", "power,", "and", "the", "run", "continues", "where", "it", "stopped.")},
		{Layout: "statement", Heading: "It tells you why", Text: "When something waits, it says why.", Words: w("When", "something", "waits,", "it", "says", "why.")},
		{Layout: "picture", Heading: "Bring your own tools", Number: 5, Words: w("Drop", "in", "a", "plugin,", "and", "it", "is", "there.")},
		{Layout: "end", Heading: "Make your first film", Points: []string{"make demo"}, Words: w("Type", "one", "line,", "and", "watch", "your", "own", "film", "in", "a", "minute.")},
		{Layout: "title", Heading: "Donaudampfschifffahrtsgesellschaftskapitän und ein sehr langer Titel über alles", Text: "漢字かな交じり文 🚀 שלום"},
		{Layout: "points", Heading: "", Points: []string{"one"}},
		{Layout: "split", Heading: "Averyveryveryverylongsinglewordthatneverends", Points: []string{"Sollte lang genug sein, um mehrere Zeilen zu füllen, oder?"}},
	}
	for i, c := range cards {
		c.Index = i
		c.Seconds = 4.5
		c.Lead = lead
		m := frame.New(design.Draw(c, pic, 1920, 1080), 4.5)
		im := m.At(2.9)
		o, _ := os.Create(fmt.Sprintf("/tmp/f_film/c%02d.png", i))
		png.Encode(o, im)
		o.Close()
	}
}
