package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrCorrupt says that a file is there but is not what it should be. The error
// names the file; moving it away makes [Open] write a new one.
var ErrCorrupt = errors.New("corrupt file")

// The names of the files below the directory, which are kubeadm's.
const (
	CAName                = "ca"
	FrontProxyCAName      = "front-proxy-ca"
	APIServerName         = "apiserver"
	serviceAccountKeyFile = "sa.key"
	serviceAccountPubFile = "sa.pub"
)

const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	caRenewal    = 365 * 24 * time.Hour
	certLifetime = 365 * 24 * time.Hour
	// clockSkew dates certificates back, for peers whose clock is behind.
	clockSkew = 5 * time.Minute
)

// A PKI is a certificate authority and a token signing key. It is safe for
// concurrent use within one process; of several processes, one should make the
// directory before the others open it.
type PKI struct {
	dir    string // empty: nothing is written
	name   string // of the authority's files
	ca     *x509.Certificate
	caPEM  []byte
	caKey  crypto.Signer
	saKey  *ecdsa.PrivateKey
	issued sync.Mutex // one writer of the directory's certificates at a time
	// frontProxy is the authority of API servers that pass requests on. It has
	// no keys of its own for tokens.
	frontProxy *PKI
}

// New makes a PKI that lives in memory only.
func New() (*PKI, error) { return open("") }

// Open loads the PKI below dir and makes what is missing there. Errors are
// those of the file system, or [ErrCorrupt].
func Open(dir string) (*PKI, error) {
	if dir == "" {
		return nil, errors.New("open pki: no directory given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open pki: %w", err)
	}
	return open(dir)
}

func open(dir string) (*PKI, error) {
	p := &PKI{dir: dir, name: CAName, frontProxy: &PKI{dir: dir, name: FrontProxyCAName}}
	if err := errors.Join(p.loadCA("kubernetes"), p.frontProxy.loadCA(FrontProxyCAName)); err != nil {
		return nil, fmt.Errorf("open pki: %w", err)
	}
	if err := p.loadServiceAccountKey(); err != nil {
		return nil, fmt.Errorf("open pki: %w", err)
	}
	return p, nil
}

// Path returns where the PKI keeps a file, or "" if it lives in memory.
func (p *PKI) Path(name string) string {
	if p.dir == "" {
		return ""
	}
	return filepath.Join(p.dir, name)
}

// CAPEM returns the authority's certificate in PEM form. It must not be changed.
func (p *PKI) CAPEM() []byte { return p.caPEM }

// Roots returns a new pool that trusts the authority and nobody else.
func (p *PKI) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	return pool
}

// ServiceAccountKey returns the key that signs service account tokens, an
// ECDSA key on P-256.
func (p *PKI) ServiceAccountKey() *ecdsa.PrivateKey { return p.saKey }

// loadCA finds or makes the authority. The key is written first: if we die
// before the certificate is written, the next start signs one for the same key.
func (p *PKI) loadCA(commonName string) error {
	key, err := p.loadOrMakeKey(p.name+".key", p.exists(p.name+".crt"))
	if err != nil {
		return err
	}
	p.caKey = key
	data, err := p.read(p.name + ".crt")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.signCA(commonName)
	case err != nil:
		return err
	}
	if p.ca, err = parseCert(data); err != nil {
		return fmt.Errorf("%w %s: %w", ErrCorrupt, p.Path(p.name+".crt"), err)
	}
	if !p.ca.IsCA || !samePublicKey(p.ca.PublicKey, key.Public()) {
		return fmt.Errorf("%w %s: not the certificate of the key beside it", ErrCorrupt, p.Path(p.name+".crt"))
	}
	p.caPEM = data
	if time.Until(p.ca.NotAfter) < caRenewal {
		return p.signCA(commonName)
	}
	return nil
}

func (p *PKI) loadServiceAccountKey() error {
	key, err := p.loadOrMakeKey(serviceAccountKeyFile, false)
	if err != nil {
		return err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return fmt.Errorf("%w %s: not an ECDSA key on P-256", ErrCorrupt, p.Path(serviceAccountKeyFile))
	}
	p.saKey = ec
	pub, err := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	if err != nil {
		return fmt.Errorf("encode public key: %w", err)
	}
	if p.exists(serviceAccountPubFile) {
		return nil
	}
	return p.write(serviceAccountPubFile, encodePEM("PUBLIC KEY", pub))
}

// loadOrMakeKey returns the key of a file, or a new one when there is none.
// With mustExist the absence is damage.
func (p *PKI) loadOrMakeKey(name string, mustExist bool) (crypto.Signer, error) {
	data, err := p.read(name)
	if err == nil {
		key, err := parseKey(data)
		if err != nil {
			return nil, fmt.Errorf("%w %s: %w", ErrCorrupt, p.Path(name), err)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if mustExist {
		return nil, fmt.Errorf("%w %s: missing, but its certificate is there", ErrCorrupt, p.Path(name))
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, p.writeKey(name, key)
}

func (p *PKI) exists(name string) bool {
	if p.dir == "" {
		return false
	}
	_, err := os.Stat(p.Path(name))
	return err == nil
}

func (p *PKI) read(name string) ([]byte, error) {
	if p.dir == "" {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(p.Path(name))
}

func (p *PKI) write(name string, data []byte) error {
	if p.dir == "" {
		return nil
	}
	return writeFile(p.Path(name), data)
}

func (p *PKI) writeKey(name string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return p.write(name, encodePEM("PRIVATE KEY", der))
}

// writeFile replaces a file as a whole, readable by its owner only: a reader,
// or a crash, sees the old content or the new, never half of it.
func writeFile(path string, data []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func parseCert(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM certificate in it")
	}
	return x509.ParseCertificate(block.Bytes)
}

// parseKey understands PKCS #8 and the two older forms that kubeadm and
// openssl write.
func parseKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM key in it")
	}
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", key)
	}
	return signer, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}
