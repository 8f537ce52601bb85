package av

import (
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strconv"
)

// MaxPixels keeps a small file that unpacks to a huge picture out.
const MaxPixels = 100 << 20

// Input has ffmpeg open a file of a stranger: no list of other files is followed, and no small file unpacks to a huge picture.
func Input(path string) []string {
	return []string{"-protocol_whitelist", "file,pipe", "-max_pixels", strconv.Itoa(MaxPixels), "-format_whitelist",
		"image2,png_pipe,jpeg_pipe,webp_pipe,gif_pipe,bmp_pipe,tiff_pipe,jpegxl_pipe,gif,apng,mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,wav,mp3,ogg,flac,aac,aiff,amr,w64,au", "-i", path}
}

// WritePNG writes a picture into a scratch folder.
func WritePNG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return DiskError(err, filepath.Dir(path))
	}
	return DiskError(errors.Join(png.Encode(f, img), f.Close()), filepath.Dir(path))
}
