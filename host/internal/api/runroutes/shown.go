package runroutes

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/myspinbot/spinbot/host/internal/api/route"
)

// maxShown is how many bytes of answers are kept.
const maxShown = 16 << 20

// answers keeps what was answered of runs, for as long as nothing of them changes: whoever asks again and again costs next to nothing.
type answers struct {
	mu   sync.Mutex
	all  map[string]*answered
	size int
}

type answered struct {
	version   uint64
	tag       string
	raw       []byte
	packOnce  sync.Once
	packedRaw []byte
}

func (a *answered) packed() []byte {
	a.packOnce.Do(func() { a.packedRaw = fasthttp.AppendGzipBytesLevel(nil, a.raw, fasthttp.CompressBestSpeed) })
	return a.packedRaw
}

func (s *answers) get(run string, version uint64) *answered {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.all[run]; a != nil && a.version == version {
		return a
	}
	return nil
}

func (s *answers) keep(run string, a *answered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || s.size+len(a.raw) > maxShown {
		s.all, s.size = map[string]*answered{}, 0
	}
	s.drop(run)
	s.all[run] = a
	s.size += len(a.raw)
}

// drop forgets what was answered of a run. The caller holds mu.
func (s *answers) drop(run string) {
	if was := s.all[run]; was != nil {
		s.size -= len(was.raw)
		delete(s.all, run)
	}
}

// Gone forgets what was answered of a run that was removed.
func (s *Routes) Gone(run string) {
	s.shown.mu.Lock()
	defer s.shown.mu.Unlock()
	s.shown.drop(run)
}

// showRun answers with a run. Only who names it whole is answered from what is kept.
func (s *Routes) showRun(c *fiber.Ctx) error {
	id, ctx := c.Params("id"), c.UserContext()
	version := uint64(0)
	if s.cfg.Changes != nil {
		version = s.cfg.Changes(id)
	}
	if version != 0 {
		if a := s.shown.get(id, version); a != nil {
			return a.send(c)
		}
	}
	h, err := s.Find(ctx, id)
	if err != nil {
		return err
	}
	r, err := s.Run(ctx, h.Run)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	a := &answered{version: version, raw: raw, tag: fmt.Sprintf(`W/"%x"`, xxhash.Sum64(raw))}
	if version != 0 && id == h.Run {
		s.shown.keep(h.Run, a)
	}
	return a.send(c)
}

func (a *answered) send(c *fiber.Ctx) error {
	c.Set(fiber.HeaderETag, a.tag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	c.Vary(fiber.HeaderAcceptEncoding)
	if route.Matches(c.Get(fiber.HeaderIfNoneMatch), a.tag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	if route.Packs(c, len(a.raw)) {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(a.packed())
	}
	return c.Send(a.raw)
}
