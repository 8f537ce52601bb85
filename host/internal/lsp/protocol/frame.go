package protocol

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Limits of one message: the largest pipeline file, written as JSON, fits.
const (
	maxHeader  = 8 << 10
	maxMessage = 64 << 20
)

// FrameError says that a stream holds something that is no message; nothing after it can be read.
type FrameError struct{ Reason string }

// Error gives the reason.
func (e *FrameError) Error() string {
	return "not a message of the language server protocol: " + e.Reason
}

// Stream is messages one after another, each behind a header with its length. Recv and Send may go on at the same time.
type Stream struct {
	in     *bufio.Reader
	out    io.Writer
	closer io.Closer

	mu sync.Mutex // one message is written at a time
}

// NewStream reads messages from in and writes them to out; Close closes in, so that a waiting Recv ends.
func NewStream(in io.ReadCloser, out io.Writer) *Stream {
	return &Stream{in: bufio.NewReaderSize(in, 64<<10), out: out, closer: in}
}

// Recv gives the next message, or io.EOF at the end of the stream.
func (s *Stream) Recv() ([]byte, error) {
	length, read := -1, 0
	for {
		line, err := s.in.ReadSlice('\n')
		if read += len(line); read > maxHeader || errors.Is(err, bufio.ErrBufferFull) {
			return nil, &FrameError{"its header does not end"}
		}
		if err != nil {
			if errors.Is(err, io.EOF) && read > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return nil, &FrameError{fmt.Sprintf("%.60q is no header", text)}
		}
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 {
				return nil, &FrameError{fmt.Sprintf("%.60q is no length", value)}
			}
		}
	}
	switch {
	case length < 0:
		return nil, &FrameError{"it has no Content-Length"}
	case length > maxMessage:
		return nil, &FrameError{fmt.Sprintf("it has %d bytes; at most %d are taken", length, maxMessage)}
	}
	message := make([]byte, length)
	if _, err := io.ReadFull(s.in, message); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return message, nil
}

// Send writes a message.
func (s *Stream) Send(message []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.out.Write(append([]byte("Content-Length: "+strconv.Itoa(len(message))+"\r\n\r\n"), message...))
	return err
}

// Close ends the stream.
func (s *Stream) Close() error { return s.closer.Close() }

// Path gives the path of a file: URI, and false for any other.
func Path(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" || u.Path == "" || u.Host != "" && u.Host != "localhost" {
		return "", false
	}
	path := u.Path
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // /c:/films
		path = strings.ToUpper(path[1:2]) + path[2:]
	}
	return filepath.Clean(filepath.FromSlash(path)), true
}

// URI is the file: URI of an absolute path.
func URI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
