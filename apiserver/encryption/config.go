package encryption

import (
	"encoding/base64"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/store/sealed"
)

const (
	fileVersion = "apiserver.config.k8s.io/v1"
	fileKind    = "EncryptionConfiguration"
)

// A file is an EncryptionConfiguration.
type file struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Resources  []fileSection `json:"resources"`
}

type fileSection struct {
	Resources []string       `json:"resources"`
	Providers []fileProvider `json:"providers"`
}

// A fileProvider has one of its fields.
type fileProvider struct {
	AESGCM    *fileKeys       `json:"aesgcm"`
	Secretbox *fileKeys       `json:"secretbox"`
	Identity  *struct{}       `json:"identity"`
	AESCBC    *map[string]any `json:"aescbc"`
	KMS       *map[string]any `json:"kms"`
}

type fileKeys struct {
	Keys []fileKey `json:"keys"`
}

type fileKey struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

// parse reads a file in YAML or JSON. Errors never show a secret.
func parse(data []byte) (*file, error) {
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, errors.New("it is no YAML") // the parser's own words quote the file
	}
	var f file
	strict, err := json.UnmarshalStrict(asJSON, &f)
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, err
	}
	if f.APIVersion != fileVersion || f.Kind != fileKind {
		return nil, fmt.Errorf("it is apiVersion %q, kind %q: want %s, %s", f.APIVersion, f.Kind, fileVersion, fileKind)
	}
	if len(f.Resources) == 0 {
		return nil, field.Required(field.NewPath("resources"), "at least one resource is required")
	}
	return &f, nil
}

// providers makes the providers of a section.
func (s *fileSection) providers(path *field.Path) ([]sealed.Provider, error) {
	if len(s.Providers) == 0 {
		return nil, field.Required(path, "at least one provider is required")
	}
	var made []sealed.Provider
	for i := range s.Providers {
		some, err := s.Providers[i].provider(path.Index(i))
		if err != nil {
			return nil, err
		}
		made = append(made, some...)
	}
	return made, nil
}

// provider makes one provider for each key.
func (p *fileProvider) provider(path *field.Path) ([]sealed.Provider, error) {
	n := 0
	for _, there := range []bool{p.AESGCM != nil, p.Secretbox != nil, p.Identity != nil, p.AESCBC != nil, p.KMS != nil} {
		if there {
			n++
		}
	}
	switch {
	case n == 0:
		return nil, field.Invalid(path, "", "provider does not contain any of the expected providers: aesgcm, secretbox, identity")
	case n > 1:
		return nil, field.Invalid(path, "", "more than one provider specified in a single element, should split into different list elements")
	case p.AESCBC != nil:
		return nil, field.Forbidden(path.Child("aescbc"), "it does not notice changed values and is not supported: use aesgcm or secretbox")
	case p.KMS != nil:
		return nil, field.Forbidden(path.Child("kms"), "key management services are not supported: use aesgcm or secretbox")
	case p.AESGCM != nil:
		return p.AESGCM.each(path.Child("aesgcm"), sealed.AESGCM)
	case p.Secretbox != nil:
		return p.Secretbox.each(path.Child("secretbox"), sealed.Secretbox)
	default:
		return []sealed.Provider{sealed.Identity()}, nil
	}
}

// each makes a provider of each key.
func (k *fileKeys) each(path *field.Path, provider func(name string, secret []byte) (sealed.Provider, error)) ([]sealed.Provider, error) {
	if len(k.Keys) == 0 {
		return nil, field.Required(path.Child("keys"), "at least one key is required")
	}
	var made []sealed.Provider
	for i, key := range k.Keys {
		at := path.Child("keys").Index(i)
		if key.Name == "" {
			return nil, field.Required(at.Child("name"), "name is a mandatory field for a key")
		}
		secret, err := base64.StdEncoding.DecodeString(key.Secret)
		if err != nil {
			return nil, field.Invalid(at.Child("secret"), "REDACTED", "secrets must be base64 encoded")
		}
		p, err := provider(key.Name, secret)
		if err != nil {
			return nil, field.Invalid(at.Child("secret"), "REDACTED", err.Error())
		}
		made = append(made, p)
	}
	return made, nil
}
