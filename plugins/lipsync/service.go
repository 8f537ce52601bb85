package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk"
)

const (
	mostSaid = 64 << 10 // bytes of an answer that is no film
	mostFilm = 16 << 30
	pollWait = time.Second      // between two questions, unless the service says otherwise
	mostWait = 30 * time.Second // that it may say
)

// service has an engine that is asked by HTTP make the film: the README says how.
func (s *stage) service(ctx context.Context, in talkIn, t *sdk.Task) (talkOut, error) {
	at := s.program(in.Engine).URL
	if at == "" {
		return talkOut{}, sdk.Refuse("it is not known where the service is", `name it: plugin "lipsync" { engines = { service = { url = "http://127.0.0.1:9000/talk" } } }; the README of the plugin says what it is asked`)
	}
	resp, err := send(ctx, at, in, t)
	if err != nil {
		return talkOut{}, err
	}
	if resp.StatusCode == http.StatusAccepted {
		if resp, err = await(ctx, resp, t); err != nil {
			return talkOut{}, err
		}
	}
	defer resp.Body.Close()
	if err := save(resp, video(t)); err != nil {
		return talkOut{}, stopped(ctx, err)
	}
	return probe(ctx, video(t), in.Engine)
}

// send sends portrait and speech. What is sent is read from disk as it goes.
func send(ctx context.Context, to string, in talkIn, t *sdk.Task) (*http.Response, error) {
	settings, err := json.Marshal(map[string]any{"height": in.Height, "fps": in.FPS, "seed": t.Seed})
	if err != nil {
		return nil, err
	}
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { // ends when the request does: it closes the reading end
		err := errors.Join(form.WriteField("settings", string(settings)), attach(form, "portrait", in.Portrait), attach(form, "audio", in.Audio), form.Close())
		_ = w.CloseWithError(err) // it never fails
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	return ask(req)
}

func attach(form *multipart.Writer, field string, a sdk.Artifact) error {
	f, err := os.Open(a.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	part, err := form.CreateFormFile(field, field+filepath.Ext(a.Name))
	if err == nil {
		_, err = io.Copy(part, f)
	}
	return err
}

// ask sends a request and gives the answer if it is a good one.
func ask(req *http.Request) (*http.Response, error) {
	if span := sdk.TraceParent(req.Context()); span != "" { // the service's spans belong to the run's trace
		req.Header.Set("traceparent", span)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if req.Context().Err() != nil {
			return nil, context.Cause(req.Context())
		}
		return nil, sdk.Fail("the lip-sync service cannot be asked: "+err.Error(), "is it running, and is engines.service.url right?")
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusAccepted {
		return resp, nil
	}
	said, _ := io.ReadAll(io.LimitReader(resp.Body, mostSaid)) // what of it came says enough
	_ = resp.Body.Close()                                      // nothing was written
	return nil, refusal(resp.StatusCode, said)
}

// refusal makes an error of an answer that is none.
func refusal(status int, said []byte) error {
	text := strings.TrimSpace(strings.ToValidUTF8(string(said), "�"))
	var body struct{ Error string }
	if json.Unmarshal(said, &body) == nil && body.Error != "" {
		text = body.Error
	}
	switch {
	case status == http.StatusInsufficientStorage || strings.Contains(strings.ToLower(text), "out of memory"):
		return &sdk.Error{Cause: sdk.CauseOOM, Message: "the lip-sync service ran out of device memory", Hint: "use a smaller height, a shorter speech, or a larger device", Detail: text}
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return sdk.Refuse(fmt.Sprintf("the lip-sync service refuses it (%d): %s", status, last(text)), "change what it complains of")
	}
	return &sdk.Error{Cause: sdk.CauseFailed, Message: fmt.Sprintf("the lip-sync service answers %d: %s", status, last(text)), Hint: "see its log", Detail: text}
}

// await asks for a film that is being made until it is there. What is given up is called off.
func await(ctx context.Context, resp *http.Response, t *sdk.Task) (*http.Response, error) {
	at, err := resp.Location()
	if err != nil || at.Host != resp.Request.URL.Host {
		_ = resp.Body.Close() // nothing was written
		return nil, sdk.Fail("the lip-sync service says that it works, and not where to ask for the film", "let it answer 202 with a Location of its own")
	}
	for resp.StatusCode == http.StatusAccepted {
		wait := tell(resp, t)
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), callOff(ctx, at))
		case <-time.After(wait):
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, err
		}
		if resp, err = ask(req); err != nil {
			if ctx.Err() != nil {
				err = errors.Join(err, callOff(ctx, at))
			}
			return nil, err
		}
	}
	return resp, nil
}

// tell reports how far the service is, and gives how long to wait before it is asked again.
func tell(resp *http.Response, t *sdk.Task) time.Duration {
	defer resp.Body.Close()
	var how struct {
		Progress *float64
		Message  string
	}
	if json.NewDecoder(io.LimitReader(resp.Body, mostSaid)).Decode(&how) == nil { // it need not say anything
		fraction := -1.0
		if how.Progress != nil {
			fraction = *how.Progress
		}
		t.Progress(fraction, how.Message)
	}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n >= 0 {
		return min(max(time.Duration(n)*time.Second, 10*time.Millisecond), mostWait)
	}
	return pollWait
}

// callOff tells the service that nobody waits for a film any more.
func callOff(ctx context.Context, at *url.URL) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, at.String(), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil // it is gone, or will find out by itself
	}
	return resp.Body.Close()
}

// save writes a film that is sent.
func save(resp *http.Response, path string) error {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); !strings.HasPrefix(kind, "video/") && kind != "application/octet-stream" {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // as much as is shown
		return sdk.Fail(fmt.Sprintf("the lip-sync service sent %q and no film: %s", kind, bytes.TrimSpace(said)), "let it answer with video/mp4; is engines.service.url right?")
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(resp.Body, mostFilm+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return sdk.Fail("the film of the lip-sync service broke off: "+err.Error(), "see its log")
	}
	if n > mostFilm {
		return sdk.Refuse("the lip-sync service sent more than 16 GiB", "make a shorter film")
	}
	return nil
}

// stopped says why a task was stopped, if it was.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
