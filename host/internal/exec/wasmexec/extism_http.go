package wasmexec

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

// extismRequest is a request as Extism's kits write it.
type extismRequest struct {
	URL     string            `json:"url"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
}

// extismHTTP sends a request for an Extism plug-in. What goes wrong ends the task: plug-ins are told nothing of it.
func (s *sandbox) extismHTTP(request, body uint64) (response uint64) {
	k := &s.kernel
	s.while(func(ctx context.Context) {
		k.response = guest.Response{}
		var r extismRequest
		err := json.Unmarshal(k.block(request), &r)
		var granted grant.Set
		if err == nil {
			granted, err = s.granted(grant.HTTP)
		}
		if err == nil {
			q := guest.Request{Method: strings.ToUpper(r.Method), URL: r.URL}
			for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
				q.Header = append(q.Header, guest.Field{Name: name, Value: r.Headers[name]})
			}
			if body != 0 {
				q.Body = slices.Clone(k.block(body))
			}
			k.response, err = s.send(ctx, granted, q)
		}
		if err != nil && ctx.Err() == nil {
			failed := sdk.AsError(s.instead(hostError(err)))
			s.end(failed)
			panic(failed)
		}
		response = k.put(k.response.Body)
	})
	return response
}

// extismHeaders gives the header of the last response as JSON.
func (s *sandbox) extismHeaders() uint64 {
	if s.kernel.response.Status == 0 {
		return 0
	}
	fields := map[string]string{}
	for _, f := range s.kernel.response.Header {
		fields[strings.ToLower(f.Name)] = f.Value
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return 0
	}
	return s.kernel.put(b)
}
