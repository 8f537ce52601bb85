package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/myspinbot/spinbot/sdk"
)

// TestTraced: the service's spans belong to the run's trace, where there is one.
func TestTraced(t *testing.T) {
	t.Parallel()
	var told []string
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told = r.Header["Traceparent"] }))
	defer s.Close()
	const span = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for given, want := range map[string]int{"": 0, span: 1} {
		req, err := http.NewRequestWithContext(sdk.WithTraceParent(t.Context(), given), http.MethodGet, s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := ask(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if len(told) != want || want == 1 && told[0] != given {
			t.Errorf("given %q the server was told %q", given, told)
		}
	}
}
