package image

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// hub is the name that people and the kubelet use for the registry whose host
// is really called index.docker.io.
const hub = "docker.io"

var hexID = regexp.MustCompile(`^(sha256:)?[0-9a-f]{64}$`)

// The forms of a registry's host and of a repository, stricter than the parser's:
// as in the OCI distribution specification, so that no part of a name is "..".
var (
	hostForm = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]+)?$`)
	repoForm = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
)

// Normalize returns the full form of an image name: with its registry, and with
// a tag or a digest. A name without a registry is docker.io's, a name of one
// word there is library's, and a name without a tag is tagged latest:
//
//	demo:v1            docker.io/library/demo:v1
//	coracle/demo       docker.io/coracle/demo:latest
//	localhost:5000/a   localhost:5000/a:latest
//
// A name with both a tag and a digest is known by its digest alone.
// What is not a name gives an error that is [ErrInvalidName].
func Normalize(ref string) (string, error) {
	r, err := parse(ref)
	if err != nil {
		return "", err
	}
	return fullName(r), nil
}

func parse(ref string) (name.Reference, error) {
	if ref == "" {
		return nil, fmt.Errorf("%w: empty", ErrInvalidName)
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrInvalidName, ref, err)
	}
	if !hostForm.MatchString(r.Context().RegistryStr()) || !repoForm.MatchString(r.Context().RepositoryStr()) {
		return nil, fmt.Errorf("%w %q", ErrInvalidName, ref)
	}
	return r, nil
}

func fullName(r name.Reference) string {
	if d, ok := r.(name.Digest); ok {
		return repoName(r) + "@" + d.DigestStr()
	}
	return repoName(r) + ":" + r.Identifier()
}

// repoName is the name of the repository, docker.io in its short form.
func repoName(r name.Reference) string {
	repo := r.Context()
	if repo.RegistryStr() == name.DefaultRegistry {
		return hub + "/" + repo.RepositoryStr()
	}
	return repo.Name()
}

// asID reports whether ref is an image ID, with or without "sha256:" before it,
// and returns it with.
func asID(ref string) (string, bool) {
	if !hexID.MatchString(ref) {
		return "", false
	}
	return "sha256:" + strings.TrimPrefix(ref, "sha256:"), true
}
