package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// MaxJSON is how many bytes a JSON body may have.
const MaxJSON = 32 << 20

// uploadTimeout is how long a body may take to come, however it moves.
const uploadTimeout = 6 * time.Hour

// pace is how many bytes of a stream have to come within Config.Patience: what a bad line still does, and nobody who wants to
// hold a connection for nothing.
const pace = 16 << 10

// Body is a request's body that may be long: it fails once it hardly moves. Only time spent waiting for it counts.
type Body struct {
	r        io.Reader
	conn     net.Conn
	patience time.Duration
	until    time.Time     // it has to be here whole
	left     time.Duration // until the next due bytes have to be here
	due      int
	broke    error // why the body did not come to its end
}

// Body streams the request's body; the error of one that is too slow is a problem.
func (s *Server) Body(c *fiber.Ctx) *Body {
	return &Body{r: body(c), conn: c.Context().Conn(), patience: s.cfg.Patience, until: time.Now().Add(uploadTimeout)}
}

// Read implements io.Reader.
func (p *Body) Read(b []byte) (int, error) {
	if p.due <= 0 {
		p.left, p.due = p.patience, pace
	}
	began := time.Now()
	deadline := began.Add(p.left)
	if deadline.After(p.until) {
		deadline = p.until
	}
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.left -= time.Since(began)
	p.due -= n
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &client.Problem{Status: http.StatusRequestTimeout, Code: client.CodeBadRequest,
			Detail: fmt.Sprintf("the body is too slow: less than %d KiB came in %v, or all of it took more than %v", pace>>10, p.patience, uploadTimeout)}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		p.broke = err
	}
	return n, err
}

// Broke says why the body did not come to its end; nil: it did, or may still.
func (p *Body) Broke() error { return p.broke }

// BrokeOff says that a body ended too early, and why if that is known.
func BrokeOff(what string, err error) error {
	if known := (*client.Problem)(nil); errors.As(err, &known) {
		return known
	}
	return BadRequest(what+" broke off: "+err.Error(), "")
}

// ReadJSON reads a bounded body; an empty one leaves out as it is.
func (s *Server) ReadJSON(c *fiber.Ctx, out any) error {
	raw, err := s.ReadBody(c, MaxJSON, "upload artifacts first, and refer to them")
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := CheckDepth(raw); err != nil {
		return err
	}
	if err := d.Decode(out); err != nil {
		return BadRequest("the body is not the JSON that is wanted: "+err.Error(), "")
	}
	if d.More() {
		return BadRequest("the body goes on after its JSON", "")
	}
	return nil
}

// ReadBody reads a body of at most so many bytes.
func (s *Server) ReadBody(c *fiber.Ctx, most int, fix string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(s.Body(c), int64(most)+1))
	if err != nil {
		return nil, BrokeOff("the body", err)
	}
	if len(raw) > most {
		return nil, &client.Problem{Code: client.CodeTooLarge, Detail: "the body is larger than " + strconv.Itoa(most>>20) + " MiB", Fix: fix}
	}
	return raw, nil
}

// sent tells a body that broke off from one that ended: the server's stream gives io.EOF for both, and reads on into
// the next request when it is asked again.
type sent struct {
	r    io.Reader
	left int // bytes to come; below 0: not known, since it comes in chunks
	err  error
}

// bodyKey is where the body of a request is kept.
type bodyKey struct{}

// body streams the request's body.
func body(c *fiber.Ctx) io.Reader {
	if b, ok := c.Locals(bodyKey{}).(*sent); ok {
		return b
	}
	b := &sent{r: bytes.NewReader(nil)}
	if r := c.Context().RequestBodyStream(); r != nil {
		b = &sent{r: r, left: c.Request().Header.ContentLength()}
	} else if raw := c.Request().Body(); len(raw) > 0 {
		b = &sent{r: bytes.NewReader(raw), left: len(raw)}
	}
	c.Locals(bodyKey{}, b)
	return b
}

// tidy closes a connection of which a body was left unread: it would be read as the next request.
func (s *Server) tidy(c *fiber.Ctx) error {
	err := c.Next()
	if err != nil {
		err = s.fail(c, err)
	}
	unread := false
	if c.Context().RequestBodyStream() != nil {
		b, ok := c.Locals(bodyKey{}).(*sent)
		unread = !ok || b.left != 0 && !errors.Is(b.err, io.EOF)
	}
	if refused := c.Response().StatusCode() >= fiber.StatusBadRequest; unread || refused && c.Method() != fiber.MethodGet {
		c.Context().SetConnectionClose()
	}
	return err
}

// Read implements io.Reader.
func (b *sent) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(p)
	if b.left >= 0 {
		b.left -= n
	}
	if errors.Is(err, io.EOF) && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	b.err = err
	return n, err
}
