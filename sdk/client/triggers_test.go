package client

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestTriggerCalls(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for want, call := range map[string]func(*Client) (any, error){
		"GET /api/v1/pipelines ":                     func(c *Client) (any, error) { return c.Pipelines(ctx) },
		"GET /api/v1/pipelines/a%20b?graph=dot ":     func(c *Client) (any, error) { return c.Pipeline(ctx, "a b", "dot") },
		"GET /api/v1/triggers ":                      func(c *Client) (any, error) { return c.Triggers(ctx) },
		"POST /api/v1/triggers/film/nightly/fire {}": func(c *Client) (any, error) { return c.Fire(ctx, "film", "nightly", TriggerEvent{}) },
		`POST /api/v1/triggers/a%2Fb/c/fire {"body":{"n":1.50},"query":{"a":"b"}}`: func(c *Client) (any, error) {
			return c.Fire(ctx, "a/b", "c", TriggerEvent{Body: json.RawMessage(`{"n":1.50}`), Query: map[string]string{"a": "b"}})
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 1)
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked <- r.Method + " " + r.URL.RequestURI() + " " + string(body)
				io.WriteString(w, "{}\n")
			})
			if _, err := call(c); err != nil {
				t.Error(err)
			}
			if got := <-asked; got != want {
				t.Errorf("it asked %s", got)
			}
		})
	}
}

// TestSignature holds the signature to one that openssl made:
//
//	printf '1700000000.{"topic":"tides"}' | openssl dgst -sha256 -hmac hunter2
func TestSignature(t *testing.T) {
	t.Parallel()
	const want = "t=1700000000,v1=e245914fdf3c2174692430a74aad6366497a338d316e40eab7e3b0d32d46945c"
	if got := Signature("hunter2", time.Unix(1700000000, 999), []byte(`{"topic":"tides"}`)); got != want {
		t.Errorf("got %s", got)
	}
}
