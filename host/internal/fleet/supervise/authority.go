package supervise

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"slices"
	"time"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// The files of the authority and of the server's certificate, behind which the authority's stands, so that who pins it
// gets to see it.
const (
	caCert     = "ca.pem"
	caKey      = "ca.key"
	serverCert = "server.pem"
	serverKey  = "server.key"
)

const (
	validFor   = 10 * 365 * 24 * time.Hour
	renewAhead = 90 * 24 * time.Hour
	skew       = time.Hour // by which another machine's clock may be behind
)

// certify sees to it that there is an authority, and a certificate of the server with the names that it has now. It gives
// the authority's pin. An authority that nears its end is made anew, and agents have to join again.
func (s *Server) certify() (pin string, err error) {
	now := s.cfg.Now()
	ca, err := load(s.path(caCert), s.path(caKey))
	if err != nil || now.Add(renewAhead).After(ca.Leaf.NotAfter) {
		if ca, err = s.issue(nil, caCert, caKey); err != nil {
			return "", err
		}
	}
	pin = dial.Pin(ca.Leaf.Raw)
	if own, err := load(s.path(serverCert), s.path(serverKey)); err == nil && good(own.Leaf, ca.Leaf, s.names(), now) {
		return pin, nil
	}
	_, err = s.issue(&ca, serverCert, serverKey)
	return pin, err
}

func load(cert, key string) (tls.Certificate, error) { return tls.LoadX509KeyPair(cert, key) }

// good says whether a certificate is of this authority, for these names, and lasts.
func good(leaf, ca *x509.Certificate, names []string, now time.Time) bool {
	lacks := func(name string) bool { return leaf.VerifyHostname(name) != nil }
	return leaf.CheckSignatureFrom(ca) == nil && !slices.ContainsFunc(names, lacks) && now.Add(renewAhead).Before(leaf.NotAfter)
}

// names gives what this machine may be called: by itself, in its networks, and as it was told.
func (s *Server) names() []string {
	out := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil && name != "" {
		out = append(out, name)
	}
	for _, ip := range addresses() {
		out = append(out, ip.String())
	}
	for _, given := range []string{s.host, hostOf(s.cfg.Advertise)} {
		if given != "" {
			out = append(out, given)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// addresses gives those of the machine that others may reach.
func addresses() (out []net.IP) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP)
		}
	}
	return out
}

// hostOf takes the port from an address that may have one.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// issue makes a key and a certificate, of an authority when there is no parent.
func (s *Server) issue(parent *tls.Certificate, certFile, keyFile string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	now := s.cfg.Now()
	template := &x509.Certificate{SerialNumber: serial, NotBefore: now.Add(-skew), NotAfter: now.Add(validFor), BasicConstraintsValid: true}
	from, signer := template, crypto.Signer(key)
	if parent == nil {
		template.Subject = pkix.Name{CommonName: "spinbot fleet " + s.cfg.Namespace}
		template.IsCA, template.MaxPathLenZero, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		template.Subject = pkix.Name{CommonName: "spinbot fleet server"}
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		addNames(template, s.names())
		from, signer = parent.Leaf, parent.PrivateKey.(crypto.Signer)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, from, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	return s.store(der, key, parent, certFile, keyFile)
}

func addNames(c *x509.Certificate, names []string) {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
}

// store writes a certificate, with its parent's behind it, and its key, and reads them again.
func (s *Server) store(der []byte, key *ecdsa.PrivateKey, parent *tls.Certificate, certFile, keyFile string) (tls.Certificate, error) {
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	certs := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if parent != nil {
		certs = append(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: parent.Certificate[0]})...)
	}
	if err := put(s.path(keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey})); err != nil {
		return tls.Certificate{}, err
	}
	if err := put(s.path(certFile), certs); err != nil {
		return tls.Certificate{}, err
	}
	return load(s.path(certFile), s.path(keyFile))
}
