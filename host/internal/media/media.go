// Package media reads what the head of a media file says of itself: size in pixels and duration, without decoding it
// and without a program such as ffprobe. It knows PNG, JPEG, GIF, WebP, MP4, MOV and WAV, and says so of all others.
// It trusts nothing it reads: whatever a length in a file says, little is read and nothing is allocated for it.
package media

import (
	"errors"
	"fmt"
	_ "image/gif"  // registers its header
	_ "image/jpeg" // registers its header
	_ "image/png"  // registers its header
	"io"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk/picture"
)

// Facts are what a file's head says. A field is zero where the kind of file has no such thing.
type Facts struct {
	// Width and Height in pixels, as it is shown: a film or a photo that is turned by its metadata counts as turned.
	Width, Height int
	Duration      time.Duration
}

// ErrUnknown says that facts of such files cannot be read.
var ErrUnknown = errors.New("nothing is known of the insides of such files; PNG, JPEG, GIF, WebP, MP4, MOV and WAV are read")

// Read gives the facts of a file of the given media type. An error says what in the file is not as it should be.
func Read(r io.ReadSeeker, mediaType string) (Facts, error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Facts{}, err
	}
	var f Facts
	var err error
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif":
		f.Width, f.Height, _, err = picture.Size(r)
	case "image/webp":
		f, err = webp(r)
	case "audio/wav":
		f, err = wav(r)
	case "video/mp4", "video/quicktime", "audio/mp4", "audio/x-m4a", "video/x-m4v":
		f, err = mp4(r)
	default:
		return Facts{}, ErrUnknown
	}
	if err != nil {
		return Facts{}, fmt.Errorf("not a whole %s file: %w", mediaType, plainer(err))
	}
	return f, nil
}

// plainer says in words where a file ends too early, and drops a library's own name.
func plainer(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it ends too early")
	}
	for _, name := range []string{"image: ", "png: ", "jpeg: ", "gif: "} {
		if text, found := strings.CutPrefix(err.Error(), name); found {
			return errors.New(text)
		}
	}
	return err
}
