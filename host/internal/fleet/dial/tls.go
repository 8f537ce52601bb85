package dial

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
)

// tlsTarget is how the server proves who it is, and the client who it is.
type tlsTarget struct {
	on                        bool
	ca, cert, key, serverName string
	pin                       string
}

// Pin gives what Config.Pin holds of a certificate: the SHA-256 of its DER form, in hex.
func Pin(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// config gives nil where there is no TLS.
func (t tlsTarget) config() (*tls.Config, error) {
	if !t.on {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.serverName}
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: there is no certificate in %s: it begins with -----BEGIN CERTIFICATE-----", t.ca)
		}
	}
	if (t.cert == "") != (t.key == "") {
		return nil, errors.New("cert and key go together: name both files, or none")
	}
	if t.cert != "" {
		var err error
		if c.GetClientCertificate, err = t.shown(); err != nil {
			return nil, err
		}
	}
	if t.pin != "" {
		return c, t.pinTo(c)
	}
	return c, nil
}

// shown gives the certificate as it is whenever somebody connects, for one that is renewed in its file. One that does not fit leaves
// the one before: whoever renews it may have written half of it.
func (t tlsTarget) shown() (func(*tls.CertificateRequestInfo) (*tls.Certificate, error), error) {
	first, err := tls.LoadX509KeyPair(t.cert, t.key)
	if err != nil {
		return nil, fmt.Errorf("cert and key: %w", err)
	}
	var last atomic.Pointer[tls.Certificate]
	last.Store(&first)
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if pair, err := tls.LoadX509KeyPair(t.cert, t.key); err == nil {
			last.Store(&pair)
		}
		return last.Load(), nil
	}, nil
}

// pinTo has the server's certificates checked by the pin instead of by the authorities of the system.
func (t tlsTarget) pinTo(c *tls.Config) error {
	want := strings.ToLower(strings.ReplaceAll(t.pin, ":", ""))
	if raw, err := hex.DecodeString(want); err != nil || len(raw) != sha256.Size {
		return errors.New("pin: it is the SHA-256 of a certificate, 64 hex digits: openssl x509 -in ca.pem -outform der | sha256sum")
	}
	if t.ca != "" {
		return errors.New("pin and ca: one of them says whom to trust; leave the other away")
	}
	c.InsecureSkipVerify = true // what verifies instead is below, and is called on resumed connections, too
	c.VerifyConnection = func(state tls.ConnectionState) error {
		return verifyPinned(state.PeerCertificates, want, t.serverName)
	}
	return nil
}

// errPin is of a server that is not the pinned one.
var errPin = errors.New("its certificate was not made by the pinned authority: it is another server than the one that was joined, or it has a new authority; on the host, `spinbot agents join` gives a line with the new pin")

// verifyPinned wants the pinned certificate among those that the server sent, and the server's own to be signed by it. The
// name is checked only where one was asked for: a pinned authority signs for one server.
func verifyPinned(chain []*x509.Certificate, pin, name string) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, cert := range chain {
		if Pin(cert.Raw) == pin {
			roots.AddCert(cert)
			found = true
		} else {
			between.AddCert(cert)
		}
	}
	if !found {
		return errPin
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between})
	return err
}
