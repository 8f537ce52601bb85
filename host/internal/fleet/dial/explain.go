package dial

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// Explain adds to an error of the connection what it mostly comes from, and what to do.
func Explain(err error) error {
	var (
		refused   *RefusedError
		unknown   x509.UnknownAuthorityError
		wrongName x509.HostnameError
		noTLS     tls.RecordHeaderError
	)
	text := err.Error()
	switch {
	case errors.As(err, &refused) || errors.Is(err, errPin):
		return err
	case strings.Contains(text, "sentinels") && (strings.Contains(text, "NOAUTH") || strings.Contains(text, "WRONGPASS")):
		return fmt.Errorf("%w: name the file with the sentinels' own password with --sentinel-password-file, and a user of theirs with ?sentinel_user=", err)
	case isReply(err):
		return explainReply(err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: name the authority that signed it with ?ca=/path/to/ca.pem, or pin it with ?pin=<SHA-256>", err)
	case errors.As(err, &wrongName):
		return fmt.Errorf("%w: say ?servername=<a name that is in it>", err)
	case errors.As(err, &noTLS):
		return fmt.Errorf("it does not speak TLS on this port: write redis instead of rediss, or use its TLS port (%w)", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens there; start it, or check host and port", err)
	case errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w: there is no such socket; start redis with `unixsocket` in its redis.conf, or check the path", err)
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("it hung up (%w): does it want TLS? then write rediss instead of redis", err)
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "i/o timeout"):
		return fmt.Errorf("%w: it does not answer; is the machine on, and does a firewall let this port through?", err)
	}
	return err
}

// explainReply tells what a server's first words mean. One that refuses its caller will do so again; the others may be
// reading their data, or have no master for a moment.
func explainReply(err error) error {
	word, _, _ := strings.Cut(err.Error(), " ")
	text := ""
	switch word {
	case "WRONGPASS":
		text = "the user or the password is wrong, or the user is off (WRONGPASS): check the password file, and `redis-cli ACL LIST`"
	case "NOAUTH":
		text = "it wants a user and a password (NOAUTH): name them with --redis-user and --redis-password-file"
	case "DENIED":
		text = "it is in protected mode and takes connections from its own machine only (DENIED): give it a password and set `protected-mode no`, or join through `spinbot serve --fleet`"
	default:
		return err
	}
	return &RefusedError{[]string{text}}
}
