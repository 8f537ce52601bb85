package outbound

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/trace"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/host/internal/secrets"
	"github.com/myspinbot/spinbot/host/internal/span"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// send sends the request to where the exchange is now.
func (x *exchange) send(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, x.method, x.target.url.String(), bytes.NewReader(x.q.Body))
	if err != nil {
		return nil, invalid("the request cannot be made: %v", err)
	}
	req.Header = x.header.Clone()
	req.Header.Set("User-Agent", "spinbot")
	if x.sendSecrets {
		if err := x.putSecrets(ctx, req.Header); err != nil {
			return nil, err
		}
	}
	t := x.c.public
	if x.web.Private {
		t = x.c.private
	}
	x.Used(grant.HTTP, x.target.pattern())
	ctx, s := span.Start(ctx, x.method)
	if s != nil {
		s.Call()
		s.Set(trace.Attr{Key: "http.request.method", Value: x.method}, trace.Attr{Key: "server.address", Value: x.target.pattern()}) // a path may hold what is secret
		if req.Header.Get("traceparent") == "" {
			req.Header.Set("traceparent", span.TraceParent(ctx))
		}
	}
	res, err := t.RoundTrip(req)
	if s != nil && err == nil {
		s.Set(trace.Attr{Key: "http.response.status_code", Value: int64(res.StatusCode)})
	}
	s.End(err)
	return res, err
}

// putSecrets writes the secrets into the header. It is the one place where they are: neither the guest nor an event
// holds them.
func (x *exchange) putSecrets(ctx context.Context, h http.Header) error {
	if len(x.q.Secrets) > 0 && x.target.scheme != "https" && !x.web.Private {
		return refused("use https", "a secret does not go to %s in the clear", x.target.pattern())
	}
	for _, s := range x.q.Secrets {
		if x.Granted.Secret == nil || !slices.Contains(x.Granted.Secret.Names, s.Name) {
			if !sdk.IsName(s.Name) {
				return invalid("%q is no secret's name", clip(s.Name))
			}
			return refused(grant.Command(x.NodeType, grant.Secret, "--name "+s.Name), "%s was not granted the secret %q", x.NodeType, s.Name)
		}
		if x.c.cfg.Secret == nil {
			return refused("", "there are no secrets here")
		}
		value, err := x.c.cfg.Secret(ctx, s.Name)
		if err != nil {
			return refused("", "%s", err)
		}
		x.mask.add(value)
		x.Used(grant.Secret, s.Name)
		text := s.Prefix + value
		if s.User != "" {
			if strings.Contains(s.User, ":") {
				return invalid("the user %q has a colon in it, which Basic authentication cannot tell apart", clip(s.User))
			}
			encoded := base64.StdEncoding.EncodeToString([]byte(s.User + ":" + value))
			x.mask.add(encoded)
			text = "Basic " + encoded
		}
		if err := checkField(s.Header, text); err != nil {
			return invalid("secret %q cannot stand in the header field %q", s.Name, clip(s.Header))
		}
		if h.Values(s.Header) != nil {
			return invalid("the header field %s is given, and is where the secret %q is to be", s.Header, s.Name)
		}
		h.Set(s.Header, text)
	}
	return nil
}

// read takes the response in, up to the limit: of what comes after decompression.
func (x *exchange) read(res *http.Response) (guest.Response, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, x.web.MaxResponse+1))
	if err != nil {
		return guest.Response{}, fmt.Errorf("the response broke off: %w", err)
	}
	if int64(len(body)) > x.web.MaxResponse {
		return guest.Response{}, &guest.Error{Status: guest.StatusTooBig, Message: fmt.Sprintf("the response of %s is larger than the %s that are granted", x.target.pattern(), sdk.FormatSize(x.web.MaxResponse)),
			Hint: grant.Command(x.NodeType, grant.HTTP, "--max-response SIZE")}
	}
	p := guest.Response{Status: res.StatusCode, URL: x.mask.text(x.target.url.String()), Body: x.mask.bytes(body)}
	names := make([]string, 0, len(res.Header))
	for name := range res.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range res.Header[name] {
			p.Header = append(p.Header, guest.Field{Name: name, Value: x.mask.text(value)})
		}
	}
	return p, nil
}

// masks takes the secrets of a request out of what comes back; the zero value takes out nothing.
type masks struct{ m *secrets.Mask }

func (m *masks) add(value string) {
	if m.m == nil {
		m.m = secrets.NewMask()
	}
	m.m.Keep(value)
}

func (m *masks) text(s string) string {
	if m.m == nil {
		return s
	}
	return m.m.String(s)
}

func (m *masks) bytes(b []byte) []byte {
	if m.m == nil {
		return b
	}
	return m.m.Bytes(b)
}
