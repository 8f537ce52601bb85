package design

import (
	"bytes"
	"flag"
	"image/jpeg"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "draw the shipped picture again")

// TestShippedPicture keeps the picture that the explainer uses the one that Scenery draws.
func TestShippedPicture(t *testing.T) {
	t.Parallel()
	const file = "../../../pipelines/explainer/picture.jpg"
	var b bytes.Buffer
	if err := jpeg.Encode(&b, Scenery(2400, 1350, 11), &jpeg.Options{Quality: 86}); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Fatalf("%s is not what Scenery draws; go test ./design -update draws it again", file)
	}
}
