package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// socket NAME URL MESSAGE: opens the WebSocket of the host at URL, says MESSAGE, and writes what it hears into NAME.out, a line for
// each message, until the script ends.
func socket(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: socket NAME URL MESSAGE")
	}
	address := strings.TrimPrefix(args[1], "http://")
	conn, err := net.Dial("tcp", address)
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", address)
	in := bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	ts.Check(err)
	answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		ts.Fatalf("%s/ws answers %s", args[1], answer.Status)
	}
	frame := append([]byte{0x81, 0x80 | 126}, binary.BigEndian.AppendUint16(nil, uint16(len(args[2])))...)
	_, err = conn.Write(append(append(frame, 0, 0, 0, 0), args[2]...)) // masked with zeros
	ts.Check(err)
	out, err := os.Create(ts.MkAbs(args[0] + ".out"))
	ts.Check(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for line, err := nextFrame(in); err == nil; line, err = nextFrame(in) {
			fmt.Fprintf(out, "%s\n", line)
		}
	}()
	ts.Defer(func() { conn.Close(); <-done; out.Close() })
}

// nextFrame reads one frame of a server's.
func nextFrame(in io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return nil, err
	}
	size := uint64(head[1])
	if wide := map[uint64]int{126: 2, 127: 8}[size]; wide > 0 {
		clear(head[:])
		if _, err := io.ReadFull(in, head[8-wide:]); err != nil {
			return nil, err
		}
		size = binary.BigEndian.Uint64(head[:])
	}
	body := make([]byte, size)
	_, err := io.ReadFull(in, body)
	return body, err
}
