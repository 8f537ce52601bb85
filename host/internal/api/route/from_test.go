package route

import (
	"net"
	"net/netip"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// TestFrom: where a request is from, by whom it came through.
func TestFrom(t *testing.T) {
	t.Parallel()
	s := &Server{cfg: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::1/128")}}}
	for name, c := range map[string]struct {
		peer string
		said []string
		want string
	}{
		"nobody between":              {"192.0.2.1", nil, "192.0.2.1"},
		"a liar":                      {"192.0.2.1", []string{"198.51.100.7"}, "192.0.2.1"},
		"a proxy":                     {"10.0.0.2", []string{"198.51.100.7"}, "198.51.100.7"},
		"a proxy of IPv6":             {"fd00::1", []string{"2001:db8::7"}, "2001:db8::7"},
		"a proxy's own request":       {"10.0.0.2", nil, "10.0.0.2"},
		"a liar behind a proxy":       {"10.0.0.2", []string{"127.0.0.1, 198.51.100.7"}, "198.51.100.7"},
		"two proxies, in two headers": {"fd00::1", []string{"127.0.0.1, 198.51.100.7", "10.0.0.9"}, "198.51.100.7"},
		"nonsense":                    {"10.0.0.2", []string{"198.51.100.7, unknown"}, "10.0.0.2"},
		"mapped":                      {"::ffff:10.0.0.2", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var request fasthttp.Request
			for _, v := range c.said {
				request.Header.Add(fiber.HeaderXForwardedFor, v)
			}
			var fast fasthttp.RequestCtx
			fast.Init(&request, &net.TCPAddr{IP: net.ParseIP(c.peer), Port: 9}, nil)
			app := fiber.New()
			ctx := app.AcquireCtx(&fast)
			defer app.ReleaseCtx(ctx)
			if got := s.from(ctx).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
