package image

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// platform is what containers run on here: Linux, also when the store itself is
// on a Mac, on this machine's kind of processor.
var platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}

// Pull fetches the image that ref names from its registry and stores it under
// that name. Of an image for several platforms it takes Linux on this machine's
// architecture. A nil auth means none.
func (s *Store) Pull(ctx context.Context, ref string, auth authn.Authenticator) (Image, error) {
	r, err := s.parseRemote(ref)
	if err != nil {
		return Image{}, fmt.Errorf("pull image: %w", err)
	}
	if auth == nil {
		auth = authn.Anonymous
	}
	desc, err := remote.Get(r,
		remote.WithContext(ctx), remote.WithAuth(auth), remote.WithPlatform(platform),
		remote.WithTransport(guard{s.transport(), s.opts.PlainHTTP}), remote.WithUserAgent("coracle"))
	if err != nil {
		return Image{}, fmt.Errorf("pull image %q: %w", ref, err)
	}
	img, err := desc.Image()
	if err != nil {
		return Image{}, fmt.Errorf("pull image %q: %w", ref, err)
	}
	pulled := repoName(r) + "@" + desc.Digest.String()
	return s.add(ctx, img, []string{ref}, pulled)
}

// parseRemote parses a name and decides how its registry is spoken to.
func (s *Store) parseRemote(ref string) (name.Reference, error) {
	r, err := parse(ref)
	if err != nil {
		return nil, err
	}
	if slices.Contains(s.opts.PlainHTTP, r.Context().RegistryStr()) {
		return name.ParseReference(ref, name.Insecure)
	}
	return r, nil
}

func (s *Store) transport() http.RoundTripper {
	if s.opts.Transport != nil {
		return s.opts.Transport
	}
	return remote.DefaultTransport
}

// A guard refuses requests in plain text to hosts that were not named, whoever
// thought of them: a name in a private network, or a registry that redirects.
type guard struct {
	next  http.RoundTripper
	plain []string
}

func (g guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !isLoopback(req.URL.Hostname()) && !slices.Contains(g.plain, req.URL.Host) {
		return nil, fmt.Errorf("%w: plain %s to %s: allow the host to be spoken to without TLS, or use a registry with TLS",
			ErrRefused, req.URL.Scheme, req.URL.Host)
	}
	return g.next.RoundTrip(req)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
