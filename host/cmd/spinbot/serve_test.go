package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestRenewedCertificate: a certificate that was renewed is served once it is read again, and one that does not fit is not.
func TestRenewedCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := &serveOptions{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	certify(t, o, 1)
	cfg, err := o.tls()
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		served, err := cfg.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(served.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	certify(t, o, 2)
	if got := serial(); got != 1 {
		t.Errorf("before it is read: %d", got)
	}
	if err := o.readPair(); err != nil || serial() != 2 {
		t.Errorf("after it was read: %d, %v", serial(), err)
	}
	if err := os.WriteFile(o.cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.readPair(); err == nil || serial() != 2 {
		t.Errorf("one that does not fit: %d, %v", serial(), err)
	}
	if _, err := (&serveOptions{cert: "x"}).tls(); err == nil {
		t.Error("a certificate without a key was taken")
	}
}

// certify writes a certificate of a serial number, and its key.
func certify(t *testing.T, o *serveOptions, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{o.cert: {Type: "CERTIFICATE", Bytes: der}, o.key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tls.LoadX509KeyPair(o.cert, o.key); err != nil {
		t.Fatal(err)
	}
}
