package fileroutes

import (
	"cmp"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/host/internal/artifacts"
	"github.com/myspinbot/spinbot/sdk/client"
)

// download streams an artifact, or one range of it, or says where it is fetched from.
func (s *routes) download(c *fiber.Ctx) error {
	digest := c.Params("digest")
	r, err := s.cfg.Artifacts.Open(c.UserContext(), digest)
	if err != nil {
		return err
	}
	if mode := c.Get("Sec-Fetch-Mode"); s.cfg.Links != nil && c.Method() == fiber.MethodGet && (mode == "navigate" || mode == "no-cors") {
		defer r.Close()
		return s.redirect(c, digest, r)
	}
	if err = sendFile(c, r, `"`+digest+`"`); err != nil {
		r.Close()
	}
	return err
}

// redirect sends a browser to where the artifact is. What a script reads is not sent there, since the other server would have to allow it,
// and neither are programs, which may be where only this host can be reached.
func (s *routes) redirect(c *fiber.Ctx, digest string, r io.ReadSeeker) error {
	head, _, err := begins(r)
	if err != nil {
		return err
	}
	kind, inline := shown(http.DetectContentType(head))
	to, err := s.cfg.Links.Link(c.UserContext(), digest, kind, disposition(inline, c.Query("name")))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderCacheControl, "no-store") // the link ends
	return c.Redirect(to, fiber.StatusTemporaryRedirect)
}

// sendFile sends what is asked for of r, and closes it unless it fails. The tag stands for all bytes of r.
func sendFile(c *fiber.Ctx, r io.ReadSeekCloser, tag string) error {
	head, size, err := begins(r)
	if err != nil {
		return err
	}
	kind, inline := shown(http.DetectContentType(head)) // from its bytes, whatever the uploader said
	c.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	c.Set(fiber.HeaderCacheControl, "private, max-age=31536000, immutable")
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderAcceptRanges, "bytes")
	if route.Matches(c.Get(fiber.HeaderIfNoneMatch), tag) {
		c.Status(fiber.StatusNotModified)
		return r.Close()
	}
	from, n := int64(0), size
	if asked := c.Get(fiber.HeaderRange); asked != "" && c.Method() == fiber.MethodGet && cmp.Or(c.Get(fiber.HeaderIfRange), tag) == tag {
		var part bool
		from, n, part = span(asked, size)
		if n < 0 {
			c.Set(fiber.HeaderContentRange, fmt.Sprintf("bytes */%d", size))
			return &client.Problem{Status: fiber.StatusRequestedRangeNotSatisfiable, Code: client.CodeBadRequest,
				Detail: fmt.Sprintf("the range %.80q is not within the %d bytes that there are", asked, size)}
		}
		if part {
			c.Status(fiber.StatusPartialContent).Set(fiber.HeaderContentRange, fmt.Sprintf("bytes %d-%d/%d", from, from+n-1, size))
		}
	}
	c.Set(fiber.HeaderContentType, kind)
	if d := disposition(inline, c.Query("name")); d != "" {
		c.Set(fiber.HeaderContentDisposition, d)
	}
	if _, err := r.Seek(from, io.SeekStart); err != nil {
		return err
	}
	c.Context().SetBodyStream(struct { // closed by the server once it is sent
		io.Reader
		io.Closer
	}{io.LimitReader(r, n), r}, int(n))
	return nil
}

// begins gives the first bytes of a file, and its size.
func begins(r io.ReadSeeker) (head []byte, size int64, err error) {
	if size, err = r.Seek(0, io.SeekEnd); err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, 0, err
	}
	head = make([]byte, min(size, artifacts.SniffLen))
	_, err = io.ReadFull(r, head)
	return head, size, err
}

// shown gives the type to send, and whether a browser may show it where it stands: what it could run is for saving only.
func shown(kind string) (string, bool) {
	switch base, _, _ := strings.Cut(kind, ";"); {
	case strings.HasPrefix(base, "video/"), strings.HasPrefix(base, "audio/"), base == "text/plain", base == "application/ogg":
		return kind, true
	case strings.HasPrefix(base, "image/") && base != "image/svg+xml":
		return kind, true
	}
	return "application/octet-stream", false
}

// disposition says what a browser does with a file, and what it calls it.
func disposition(inline bool, name string) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	if name = baseName(name); name != "" {
		return mime.FormatMediaType(kind, map[string]string{"filename": name})
	}
	if inline {
		return ""
	}
	return kind
}

// span reads a Range header: part is whether it is one range, which begins at from and has n bytes. n is below 0 where there
// is nothing in it. What is not understood asks for everything, as RFC 9110 has it.
func span(header string, size int64) (from, n int64, part bool) {
	unit, text, _ := strings.Cut(header, "=")
	first, last, ok := strings.Cut(strings.TrimSpace(text), "-")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return 0, size, false
	}
	a, errA := strconv.ParseUint(first, 10, 63)
	b, errB := strconv.ParseUint(last, 10, 63)
	switch {
	case first == "" && errB == nil:
		if b == 0 {
			return 0, -1, false
		}
		a, b = uint64(max(0, size-int64(b))), uint64(size-1)
	case errA == nil && last == "":
		b = uint64(size - 1)
	case errA != nil || errB != nil || b < a:
		return 0, size, false
	}
	if int64(a) >= size {
		return 0, -1, false
	}
	return int64(a), min(int64(b), size-1) - int64(a) + 1, true
}
