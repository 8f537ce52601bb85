package dial

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sign makes a certificate for a name; without a parent it is an authority.
func sign(t *testing.T, name string, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: parent == nil}
	from, signer := template, any(key)
	if parent != nil {
		from, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, from, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	out := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	if parent != nil {
		out.Certificate = append(out.Certificate, parent.Certificate[0])
	}
	return out
}

// listen is a server that shakes hands and hangs up.
func listen(t *testing.T, cert *tls.Certificate) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func TestWhomTLSTrusts(t *testing.T) {
	t.Parallel()
	authority, other := sign(t, "authority", nil), sign(t, "authority", nil)
	server := sign(t, "redis.example", authority)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	// One who sends the pinned authority's certificate beside one that another authority of the same name has signed.
	forged := sign(t, "redis.example", other)
	forged.Certificate[1] = authority.Certificate[0]
	pin := Pin(authority.Certificate[0])
	for name, c := range map[string]struct {
		cert    *tls.Certificate
		query   string
		problem string
	}{
		"pin":                 {server, "pin=" + strings.ToUpper(pin), ""},
		"pin of the server":   {server, "pin=" + Pin(server.Certificate[0]), ""},
		"pin and name":        {server, "servername=redis.example&pin=" + pin, ""},
		"pin and wrong name":  {server, "servername=b.example&pin=" + pin, "not b.example"},
		"another's pin":       {server, "pin=" + Pin(other.Certificate[0]), errPin.Error()},
		"forged":              {forged, "pin=" + pin, "unknown authority"},
		"ca":                  {server, "servername=redis.example&ca=" + file, ""},
		"ca without the name": {server, "ca=" + file, "servername"},
		"nothing":             {server, "servername=redis.example", "?ca=/path/to/ca.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, err := parse("rediss://" + listen(t, c.cert) + "?" + c.query)
			if err != nil {
				t.Fatal(err)
			}
			config, err := target.tls.config()
			if err != nil {
				t.Fatal(err)
			}
			conn, err := tls.Dial("tcp", target.hosts[0], config)
			if err == nil {
				conn.Close()
			} else {
				err = Explain(err)
			}
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("got %v", err)
			}
		})
	}
	if errors.Is(verifyPinned(nil, pin, ""), nil) {
		t.Error("a server without certificates was taken")
	}
}

// TestRenewedCertificate: whoever connects shows the certificate that is in its file then; half of one leaves the one before.
func TestRenewedCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := tlsTarget{on: true, cert: filepath.Join(dir, "me.pem"), key: filepath.Join(dir, "me.key")}
	write := func(name string) {
		t.Helper()
		c := sign(t, name, nil)
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			t.Fatal(err)
		}
		for path, block := range map[string]*pem.Block{target.cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, target.key: {Type: "PRIVATE KEY", Bytes: key}} {
			if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("first")
	c, err := target.config()
	if err != nil {
		t.Fatal(err)
	}
	shown := func(want string) {
		t.Helper()
		pair, err := c.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		if leaf, err := x509.ParseCertificate(pair.Certificate[0]); err != nil || leaf.Subject.CommonName != want {
			t.Errorf("%v, %v; want %s", leaf.Subject, err, want)
		}
	}
	shown("first")
	write("second")
	shown("second")
	if err := os.WriteFile(target.cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown("second")
	if _, err := target.config(); err == nil {
		t.Error("a certificate that does not fit was taken at the start")
	}
}
