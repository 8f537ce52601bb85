package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/myspinbot/spinbot/sdk"
)

// A token is base64url of: version, key id (4 bytes), nonce (12), AES-256-GCM of the plain text; version and id are
// authenticated with it. The plain text is its length, a byte that says whether to mask, the value in the binary form of
// sdk.Values, and zeros up to a multiple of pad, so that a short value's length does not show.
//
// The nonce is HMAC-SHA256 of the plain text under a key of its own: equal values have equal tokens, and stand for
// themselves in a cache's key, while nobody without the key can try out values. Two different texts share a nonce with a
// probability of 2⁻³² after 2³² of them.
const (
	version = 1
	idLen   = 4
	nonce   = 12
	pad     = 32
)

// keys are derived from the one in the host's key file.
type keys struct {
	id  []byte
	box cipher.AEAD
	mac []byte
}

// keyFile is where the host's key is kept: 32 random bytes. Without a path it is kept in memory alone.
type keyFile struct {
	path string

	mu   sync.Mutex
	keys *keys
}

const keyLen = 32

// load reads the key, or makes it when there is none and create says so.
func (k *keyFile) load(create bool) (*keys, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys != nil {
		return k.keys, nil
	}
	raw, err := k.read()
	if k.path == "" {
		raw, err = make([]byte, keyLen), nil
		_, _ = rand.Read(raw) // never fails
	}
	if errors.Is(err, os.ErrNotExist) && create {
		raw, err = k.make()
	}
	if err != nil {
		return nil, fmt.Errorf("host key: %w", err)
	}
	k.keys, err = derive(raw)
	return k.keys, err
}

func (k *keyFile) read() ([]byte, error) {
	info, err := os.Stat(k.path)
	if err != nil {
		return nil, err
	}
	if err := ownersOnly(k.path, info); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(k.path)
	if err == nil && len(raw) != keyLen {
		err = fmt.Errorf("%s is damaged: it has %d bytes, not %d; put it back from a backup", k.path, len(raw), keyLen)
	}
	return raw, err
}

func (k *keyFile) make() ([]byte, error) {
	raw := make([]byte, keyLen)
	_, _ = rand.Read(raw) // never fails
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return nil, err
	}
	return raw, write(k.path, raw)
}

func derive(raw []byte) (*keys, error) {
	part := func(what string, n int) []byte {
		out, err := hkdf.Key(sha256.New, raw, nil, "spinbot "+what, n)
		if err != nil {
			panic(err) // the lengths are right
		}
		return out
	}
	block, err := aes.NewCipher(part("seal", 32))
	if err != nil {
		return nil, err
	}
	box, err := cipher.NewGCM(block)
	return &keys{id: part("id", idLen), box: box, mac: part("nonce", 32)}, err
}

// Seal encrypts a value. mask says that its text is to be masked wherever it shows up. The host's key is made when there
// is none. Whoever only looks seals with a key that goes with the process where the host's cannot be had.
func (v *Vault) Seal(x any, mask bool) (sdk.Sealed, error) {
	k, err := v.key.load(!v.cfg.Looking)
	if err != nil && v.cfg.Looking {
		k, err = v.passing.load(true)
	}
	if err != nil {
		return sdk.Sealed{}, err
	}
	value, err := sdk.Values{"v": x}.AppendBinary([]byte{flag(mask)}, false)
	if err != nil {
		return sdk.Sealed{}, fmt.Errorf("sealed value: %w", err)
	}
	if mask {
		v.mask.Add(x)
	}
	head := append([]byte{version}, k.id...)
	text := append(binary.AppendUvarint(nil, uint64(len(value))), value...)
	text = append(text, make([]byte, (pad-len(text)%pad)%pad)...)
	h := hmac.New(sha256.New, k.mac)
	h.Write(head)
	h.Write(text)
	n := h.Sum(nil)[:nonce]
	token := k.box.Seal(append(head[:len(head):len(head)], n...), n, text, head)
	return sdk.Sealed{Token: base64.RawURLEncoding.EncodeToString(token), Artifacts: digests(x)}, nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// digests gives the artifacts within a value, each once.
func digests(x any) []string {
	var out []string
	var look func(x any)
	look = func(x any) {
		switch x := x.(type) {
		case sdk.Artifact:
			if x.Digest != "" && !slices.Contains(out, x.Digest) {
				out = append(out, x.Digest)
			}
		case []any:
			for _, y := range x {
				look(y)
			}
		case map[string]any:
			for _, y := range x {
				look(y)
			}
		}
	}
	look(x)
	slices.Sort(out) // equal values are sealed equally
	return out
}

// Open decrypts what Seal gave. What is to be masked is masked from now on.
func (v *Vault) Open(s sdk.Sealed) (x any, mask bool, err error) {
	token, err := tokenBytes(s)
	if err != nil || len(token) < 1+idLen+nonce {
		return nil, false, errDamaged
	}
	if token[0] != version {
		return nil, false, errors.New("was sealed by a later version of spinbot; upgrade to go on")
	}
	k, err := v.key.load(false)
	if errors.Is(err, os.ErrNotExist) && v.cfg.Looking {
		return nil, false, fmt.Errorf("is sealed, and there is no key to open it with (%s): %s", v.cfg.KeyFile, elsewhere)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, false, fmt.Errorf("is sealed, and this host's key is gone: put %s back, or start a new run", v.cfg.KeyFile)
	}
	if err != nil {
		return nil, false, err
	}
	head, rest := token[:1+idLen], token[1+idLen:]
	if !hmac.Equal(head[1:], k.id) && v.cfg.Looking {
		return nil, false, fmt.Errorf("was sealed with the key of another host: %s", elsewhere)
	}
	if !hmac.Equal(head[1:], k.id) {
		return nil, false, fmt.Errorf("was sealed with another key: put the %s that it was sealed with back, or start a new run", v.cfg.KeyFile)
	}
	text, err := k.box.Open(nil, rest[:nonce], rest[nonce:], head)
	if err != nil {
		return nil, false, errDamaged
	}
	size, n := binary.Uvarint(text)
	if n <= 0 || size == 0 || size > uint64(len(text)-n) {
		return nil, false, errDamaged
	}
	value := text[n : n+int(size)]
	values, err := sdk.DecodeBinary(value[1:])
	if err != nil {
		return nil, false, errDamaged
	}
	if mask = value[0] == 1; mask {
		v.mask.Add(values["v"])
	}
	return values["v"], mask, nil
}

// elsewhere is what whoever looks at a run may do about its sealed values.
const elsewhere = "look at the run on the machine that ran it"

func tokenBytes(s sdk.Sealed) ([]byte, error) {
	return base64.RawURLEncoding.Strict().DecodeString(s.Token)
}

var errDamaged = errors.New("is sealed, and damaged")
