// Package http is control.http: one HTTP request, sent by the host within what it granted.
package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/guest"
)

type inputs struct {
	URL     string            `spin:"url" doc:"Where to send it: http or https"`
	Method  string            `default:"GET" pattern:"^[A-Za-z]+$" doc:"GET, POST, …"`
	Headers map[string]string `spin:",optional" doc:"Header fields by name"`
	Body    string            `spin:",optional" doc:"What to send, as text"`
	JSON    any               `spin:"json" doc:"What to send as JSON, instead of body"`
	Bearer  string            `spin:",optional" pattern:"^[a-z][a-z0-9_]*$" doc:"Name of a secret that the host sends as Authorization: Bearer …; nobody else sees its value"`
	Secrets map[string]string `spin:",optional" doc:"Names of secrets by the header field that the host puts them into, such as X-Api-Key"`
	Expect  []int             `spin:",optional" doc:"Statuses that are fine; 200 to 299 when left out"`
}

type outputs struct {
	Status  int               `doc:"Of the response, such as 200"`
	Headers map[string]string `doc:"Header fields of the response, names in lower case; several values of one are joined with a comma"`
	Text    string            `doc:"The body"`
	JSON    any               `spin:"json" doc:"The body, when the response says that it is JSON; else null"`
}

// node sends with send, which is the host's.
type node struct {
	send func(guest.Request) (guest.Response, error)
}

// Node makes the node.
func Node() sdk.Node { return nodeOf(guest.HTTP) }

func nodeOf(send func(guest.Request) (guest.Response, error)) sdk.Node {
	return sdk.NodeOf(sdk.NodeType{
		Name: "control.http",
		Description: "Sends an HTTP request to a host that this machine granted, and reads the response. A failure of the server (5xx), " +
			"429 and a timeout are worth another attempt; any other unexpected status is not",
		Grants: []string{"http", "secret"},
		Examples: []sdk.Example{{
			Title: "Ask a service that wants a token",
			HCL: `node "control.http" "weather" {
  url    = "https://api.example.com/v1/weather?city=Bern"
  bearer = "weather"
  retry {
    attempts = 3
  }
}`,
		}, {
			Title: "Send JSON, and take 409 for an answer too",
			HCL: `node "control.http" "publish" {
  url    = "https://api.example.com/v1/films"
  method = "POST"
  json   = { title = "The film" }
  expect = [201, 409]
}`,
		}},
	}, node{send}.run)
}

func (n node) run(_ context.Context, in inputs, _ *sdk.Task) (outputs, error) {
	q, err := request(in)
	if err != nil {
		return outputs{}, err
	}
	p, err := n.send(q)
	if err != nil {
		return outputs{}, err
	}
	if err := judge(in, p); err != nil {
		return outputs{}, err
	}
	return read(p)
}

func request(in inputs) (guest.Request, error) {
	q := guest.Request{Method: strings.ToUpper(in.Method), URL: in.URL, Body: []byte(in.Body)}
	if in.JSON != nil {
		if in.Body != "" {
			return q, sdk.Refuse("both body and json are given", "leave one of them out")
		}
		raw, err := json.Marshal(in.JSON)
		if err != nil {
			return q, sdk.Refuse("json cannot be written: "+err.Error(), "artifacts do not fit into JSON")
		}
		q.Body = raw
		if !given(in.Headers, "content-type") {
			q.Header = append(q.Header, guest.Field{Name: "Content-Type", Value: "application/json"})
		}
	}
	for _, name := range sorted(in.Headers) {
		q.Header = append(q.Header, guest.Field{Name: name, Value: in.Headers[name]})
	}
	if in.Bearer != "" {
		q.Secrets = append(q.Secrets, guest.Bearer(in.Bearer))
	}
	for _, field := range sorted(in.Secrets) {
		q.Secrets = append(q.Secrets, guest.Secret{Header: field, Name: in.Secrets[field]})
	}
	return q, nil
}

func given(headers map[string]string, name string) bool {
	for k := range headers {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// judge says what an unexpected status means.
func judge(in inputs, p guest.Response) error {
	if slices.Contains(in.Expect, p.Status) || in.Expect == nil && p.Status >= 200 && p.Status <= 299 {
		return nil
	}
	message := in.URL + " answered with status " + strconv.Itoa(p.Status)
	if said := strings.Join(strings.Fields(strings.ToValidUTF8(string(p.Body[:min(len(p.Body), 300)]), "")), " "); said != "" {
		message += ": " + said
	}
	if p.Status >= 500 || p.Status == 429 || p.Status == 408 {
		hint := "it may work later: give the node a retry block, or resume the run"
		if after := p.Field("Retry-After"); after != "" {
			hint += "; it asks to wait for " + after
		}
		return sdk.Fail(message, hint)
	}
	return sdk.Refuse(message, "if that is fine, list it in expect")
}

func read(p guest.Response) (outputs, error) {
	out := outputs{Status: p.Status, Headers: map[string]string{}, Text: string(p.Body)}
	for _, f := range p.Header {
		name := strings.ToLower(f.Name)
		if old, some := out.Headers[name]; some {
			f.Value = old + ", " + f.Value
		}
		out.Headers[name] = strings.ToValidUTF8(f.Value, "\uFFFD")
	}
	if !utf8.ValidString(out.Text) {
		return out, sdk.Refuse(p.URL+" answered with what is not text", "control nodes work on text; a plugin can make an artifact of it")
	}
	if isJSON(p.Field("Content-Type")) && strings.TrimSpace(out.Text) != "" {
		var err error
		if out.JSON, err = decode(p.Body); err != nil {
			return out, sdk.Fail(p.URL+" says that it answers with JSON, and does not: "+err.Error(), "its body begins with "+strconv.Quote(out.Text[:min(len(out.Text), 80)]))
		}
	}
	return out, nil
}

func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// decode reads one JSON value, numbers exactly.
func decode(raw []byte) (x any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err = d.Decode(&x); err == nil {
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return nil, errors.New("something follows it")
		}
	}
	return x, err
}
