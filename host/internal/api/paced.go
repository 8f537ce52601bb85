package api

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/sdk/client"
)

// pace is how many bytes of a stream have to come within Config.Patience: what a bad line still does, and nobody who wants to
// hold a connection for nothing.
const pace = 16 << 10

// paced reads a body that may be long, and fails once it hardly moves. Only time spent waiting for it counts.
type paced struct {
	r        io.Reader
	conn     net.Conn
	patience time.Duration
	until    time.Time     // it has to be here whole
	left     time.Duration // until the next due bytes have to be here
	due      int
	broke    error // why the body did not come to its end
}

// paced streams the request's body; the error of one that is too slow is a problem.
func (s *Server) paced(c *fiber.Ctx) *paced {
	return &paced{r: body(c), conn: c.Context().Conn(), patience: s.cfg.Patience, until: time.Now().Add(uploadTimeout)}
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
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

// brokeOff says that a body ended too early, and why if that is known.
func brokeOff(what string, err error) error {
	if known := (*client.Problem)(nil); errors.As(err, &known) {
		return known
	}
	return badRequest(what+" broke off: "+err.Error(), "")
}
