package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/sdk/client"
)

// follow has somebody watch a run now and then, and go in the middle: by SSE or by WebSocket. It gives what waits for them.
func (w *worker) follow(ctx context.Context, id string) (leave func()) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(100+w.r.IntN(2000))*time.Millisecond)
	done := make(chan struct{})
	what, frames := w.r.IntN(5), 1+w.r.IntN(30)
	go func() {
		defer close(done)
		switch what {
		case 0:
			_ = w.Client.Watch(ctx, id, 0, func(client.Frame) error { // the host may be away
				if frames--; frames < 0 {
					return errors.New("enough")
				}
				return nil
			})
		case 1, 2:
			_ = socket(ctx, strings.TrimPrefix(w.URL, "http://"), w.Token, id, frames) // the same
		}
	}()
	return func() { cancel(); <-done }
}

// socket subscribes to a run over a WebSocket, reads some frames, and goes without a word.
func socket(ctx context.Context, address, token, id string, frames int) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // it goes without a word
	if end, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(end) // a connection that cannot will be closed
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // it never fails
	_, err = fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer %s\r\nSec-WebSocket-Key: %s\r\n\r\n", address, token, base64.StdEncoding.EncodeToString(key[:]))
	if err != nil {
		return err
	}
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("no WebSocket: %s", res.Status)
	}
	text := fmt.Sprintf(`{"action":"SUBSCRIBE","runId":%q,"after":0}`, id)
	if _, err := c.Write(append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)); err != nil { // masked with zeros
		return err
	}
	for range frames {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		size := uint64(head[1] & 0x7f)
		switch size {
		case 126:
			var more uint16
			err = binary.Read(r, binary.BigEndian, &more)
			size = uint64(more)
		case 127:
			err = binary.Read(r, binary.BigEndian, &size)
		}
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
			return err
		}
	}
	return nil
}
