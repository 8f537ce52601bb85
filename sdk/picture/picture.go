// Package picture reads pictures as they are seen: cameras write what their sensor saw, and say in the EXIF of a JPEG how it is to be turned.
// Other formats have their pixels upright in practice, and are read as they are.
package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
	"io"
)

// Size gives the width and height in pixels as they are seen, and the format, like [image.DecodeConfig].
func Size(r io.ReadSeeker) (width, height int, format string, err error) {
	o, err := turned(r)
	if err != nil {
		return 0, 0, "", err
	}
	c, format, err := image.DecodeConfig(r)
	if o >= 5 {
		c.Width, c.Height = c.Height, c.Width
	}
	return c.Width, c.Height, format, err
}

// Decode gives the picture as it is seen, like [image.Decode].
func Decode(r io.ReadSeeker) (image.Image, string, error) {
	o, err := turned(r)
	if err != nil {
		return nil, "", err
	}
	img, format, err := image.Decode(r)
	if err != nil || o == 1 {
		return img, format, err
	}
	lain := image.NewRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(lain, lain.Rect, img, img.Bounds().Min, draw.Src)
	return upright(lain, o), format, nil
}

func upright(from *image.RGBA, orientation int) *image.RGBA {
	w, h := from.Rect.Dx(), from.Rect.Dy()
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		to = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			u, v := x, y
			switch orientation {
			case 2:
				u = w - 1 - x
			case 3:
				u, v = w-1-x, h-1-y
			case 4:
				v = h - 1 - y
			case 5:
				u, v = y, x
			case 6:
				u, v = h-1-y, x
			case 7:
				u, v = h-1-y, w-1-x
			case 8:
				u, v = y, w-1-x
			}
			copy(to.Pix[to.PixOffset(u, v):][:4], from.Pix[from.PixOffset(x, y):])
		}
	}
	return to
}

// Turned says whether the pixels of a file are not as they are seen.
func Turned(r io.ReadSeeker) bool {
	o, _ := turned(r)
	return o != 1
}

// Sideways says whether its width and height change places when it is seen.
func Sideways(r io.ReadSeeker) bool {
	o, _ := turned(r)
	return o >= 5
}

// turned gives the orientation by its number in EXIF, 1 to 8, 1 where nothing says it or what does is damaged, and leaves the reader at its start.
func turned(r io.ReadSeeker) (orientation int, err error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return 1, err
	}
	orientation = inJPEG(r)
	_, err = r.Seek(0, io.SeekStart)
	return orientation, err
}

// inJPEG looks through the segments before the pixels. Their lengths are followed forwards only, so it ends.
func inJPEG(r io.ReadSeeker) int {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head[:2]); err != nil || head[0] != 0xff || head[1] != 0xd8 {
		return 1
	}
	for {
		if _, err := io.ReadFull(r, head[:2]); err != nil || head[0] != 0xff {
			return 1
		}
		for head[1] == 0xff { // a marker may have more of them before it
			if _, err := io.ReadFull(r, head[1:2]); err != nil {
				return 1
			}
		}
		if _, err := io.ReadFull(r, head[2:]); err != nil || head[1] == 0xda || head[1] == 0xd9 {
			return 1
		}
		n := int64(binary.BigEndian.Uint16(head[2:])) - 2
		if n < 0 {
			return 1
		}
		if head[1] != 0xe1 {
			if _, err := r.Seek(n, io.SeekCurrent); err != nil {
				return 1
			}
			continue
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return 1
		}
		if tiff, is := bytes.CutPrefix(body, []byte("Exif\x00\x00")); is {
			return inTIFF(tiff)
		}
	}
}

// inTIFF reads the tag Orientation of the first directory (Exif 2.32, 4.6.2 and 4.6.4).
func inTIFF(data []byte) int {
	if len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(data[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(data[4:]))
	if at+2 > int64(len(data)) {
		return 1
	}
	entries := data[at+2:]
	for range order.Uint16(data[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 && order.Uint16(entries[2:]) == 3 { // SHORT
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}
