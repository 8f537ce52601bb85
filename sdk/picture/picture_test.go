package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"testing"
)

// taken is a picture of 64 by 32 pixels, red in its upper left corner as its sensor lay, that says how it is to be turned.
func taken(t testing.TB, orientation uint16, order binary.AppendByteOrder) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 64, 32))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(img, image.Rect(0, 0, 16, 16), image.NewUniform(color.RGBA{R: 255, A: 255}), image.Point{}, draw.Src)
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, img, nil); err != nil {
		t.Fatal(err)
	}
	mark := "II*\x00"
	if order == binary.BigEndian {
		mark = "MM\x00*"
	}
	exif := order.AppendUint32([]byte("Exif\x00\x00"+mark), 8)
	exif = order.AppendUint16(exif, 2)
	for _, tag := range []uint16{0x010f, 0x0112} {
		exif = order.AppendUint16(exif, tag)
		exif = order.AppendUint16(exif, 3)
		exif = order.AppendUint32(exif, 1)
		exif = order.AppendUint16(exif, orientation)
		exif = append(exif, 0, 0)
	}
	exif = append(exif, 0, 0, 0, 0)
	out := append([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 4, 'x', 'y', 0xff, 0xff, 0xff, 0xe1}, byte((len(exif)+2)>>8), byte(len(exif)+2))
	return append(append(out, exif...), raw.Bytes()[2:]...)
}

// TestDecode: where the corner that was the upper left one is seen, by the table of Exif 2.32, 4.6.4.
func TestDecode(t *testing.T) {
	t.Parallel()
	for orientation, corner := range map[uint16]string{0: "upper left", 1: "upper left", 2: "upper right", 3: "lower right", 4: "lower left", 5: "upper left", 6: "upper right", 7: "lower right", 8: "lower left", 9: "upper left"} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			raw := taken(t, orientation, order)
			img, format, err := Decode(bytes.NewReader(raw))
			if err != nil || format != "jpeg" {
				t.Fatal(err)
			}
			w, h := 64, 32
			if orientation >= 5 && orientation <= 8 {
				w, h = h, w
			}
			got := ""
			for name, at := range map[string]image.Point{"upper left": {4, 4}, "upper right": {w - 5, 4}, "lower left": {4, h - 5}, "lower right": {w - 5, h - 5}} {
				if r, g, b, _ := img.At(at.X, at.Y).RGBA(); r > 0xc000 && g < 0x4000 && b < 0x4000 {
					got += name
				} else if min(r, g, b) < 0xc000 {
					got += fmt.Sprintf(" %s is %x %x %x", name, r, g, b)
				}
			}
			sw, sh, _, err := Size(bytes.NewReader(raw))
			if got != corner || img.Bounds() != image.Rect(0, 0, w, h) || sw != w || sh != h || err != nil {
				t.Errorf("%d: %s, want %s; %v, %d by %d, %v", orientation, got, corner, img.Bounds(), sw, sh, err)
			}
			if is, side := Turned(bytes.NewReader(raw)), Sideways(bytes.NewReader(raw)); is != (orientation > 1 && orientation < 9) || side != (w == 32) {
				t.Errorf("%d: %v, %v", orientation, is, side)
			}
		}
	}
}

// TestAsItIs: other formats are read as they are, and what is no picture is refused as by image.
func TestAsItIs(t *testing.T) {
	t.Parallel()
	var raw bytes.Buffer
	if err := png.Encode(&raw, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	if w, h, format, err := Size(bytes.NewReader(raw.Bytes())); w != 3 || h != 2 || format != "png" || err != nil {
		t.Error(w, h, format, err)
	}
	if _, _, err := Decode(bytes.NewReader([]byte("no picture"))); !errors.Is(err, image.ErrFormat) {
		t.Error(err)
	}
}

// FuzzTurned: whatever a file says of itself does no harm.
func FuzzTurned(f *testing.F) {
	f.Add(taken(f, 6, binary.BigEndian))
	f.Add(taken(f, 8, binary.LittleEndian)[:40])
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, err := turned(bytes.NewReader(data)); o < 1 || o > 8 || err != nil {
			t.Error(o, err)
		}
	})
}
