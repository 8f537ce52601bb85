package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
)

// maxFrame bounds one line of a stream: an event holds at most 16 MiB of values.
const maxFrame = 32 << 20

// Watch streams a run: its recorded events above after, and reports as they come. It returns nil when the run has
// ended and everything was handed on, fn's error, or why the stream broke; then watch again after the last event.
func (c *Client) Watch(ctx context.Context, id string, after uint64, fn func(Frame) error) error {
	req, err := c.request(ctx, http.MethodGet, runPath(id, "/events")+"?after="+strconv.FormatUint(after, 10), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return problemOf(res)
	}
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "text/event-stream" {
		return fmt.Errorf("GET %s: want an event stream, got %q", req.URL, kind)
	}
	if err := readStream(res.Body, fn); err != nil {
		return err
	}
	// To its end, so that the connection stays: a host that is about to end waits for those that are connected.
	_, _ = io.Copy(io.Discard, res.Body)
	return nil
}

// readStream reads server-sent events until the one named "end".
func readStream(r io.Reader, fn func(Frame) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 16<<10), maxFrame)
	var kind, id string
	var data []byte
	for s.Scan() {
		field, value, _ := bytes.Cut(s.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			kind = string(value)
		case "id":
			id = string(value)
		case "data":
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, value...)
		case "":
			if len(s.Bytes()) > 0 { // a comment
				continue
			}
			if kind == "end" {
				return nil
			}
			if err := handOn(kind, id, data, fn); err != nil {
				return err
			}
			kind, id, data = "", "", nil
		}
	}
	err := s.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("event stream: %w", err)
}

func handOn(kind, id string, data []byte, fn func(Frame) error) error {
	switch kind {
	case "event":
		seq, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return fmt.Errorf("event stream: sequence number %q", id)
		}
		return fn(Frame{Event: &Event{Seq: seq, Data: data}})
	case "report":
		var r Report
		if err := json.Unmarshal(data, &r); err != nil {
			return fmt.Errorf("event stream: report: %w", err)
		}
		return fn(Frame{Report: &r})
	case "error":
		var p Problem
		if err := json.Unmarshal(data, &p); err != nil {
			return errors.New("event stream: the host ended it")
		}
		return &p
	}
	return nil // a kind that a later host has
}
