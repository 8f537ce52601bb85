package artifacts

import (
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/myspinbot/spinbot/sdk"
)

// SniffLen is how many of the first bytes Sniff looks at.
const SniffLen = 4096

// byName are text formats that no sniffing tells from plain text. They are believed only of text.
var byName = map[string]string{
	".md": "text/markdown", ".markdown": "text/markdown", ".srt": "application/x-subrip", ".vtt": "text/vtt",
	".csv": "text/csv", ".hcl": "text/plain", ".yaml": "application/yaml", ".yml": "application/yaml", ".css": "text/css",
	".ass": "text/x-ssa",
}

// Sniff gives the media type of bytes that begin with head. What the bytes say counts; the hint's media type and
// the extension of its name are believed only where they refine what was sniffed: one kind of text for another, what
// is packed in a zip, or anything for bytes that say nothing. So text that is named .png is text/plain.
func Sniff(head []byte, hint sdk.Artifact) string {
	sniffed := mimetype.Detect(head)
	bare, _, _ := strings.Cut(sniffed.String(), ";")
	hinted, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(hint.MediaType)), ";")
	switch {
	case bare == "text/plain":
		if t, ok := byName[strings.ToLower(path.Ext(hint.Name))]; ok {
			return t
		}
		if isText(hinted) {
			return hinted
		}
	case bare == "application/zip" && strings.HasSuffix(hinted, "+zip"):
		return hinted
	case bare == "application/zip" && strings.EqualFold(path.Ext(hint.Name), ".voice"):
		return "application/vnd.spinbot.voice+zip"
	case bare == "application/octet-stream" && hinted != "" && !isText(hinted) && !recognisable(hinted):
		return hinted
	}
	if t, ok := usual[bare]; ok {
		return t
	}
	return bare
}

// usual replaces what mimetype says by the name that pipelines use.
var usual = map[string]string{"audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/vnd.wave": "audio/wav"}

func isText(mediaType string) bool {
	switch mediaType {
	case "application/x-subrip", "application/yaml":
		return true
	}
	return strings.HasPrefix(mediaType, "text/")
}

// recognisable says that bytes of this type would have been known by sight: claiming it of others is false.
func recognisable(mediaType string) bool {
	return mimetype.Lookup(mediaType) != nil && mediaType != "application/octet-stream"
}
