package image_test

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
)

func open(t testing.TB) *image.Store {
	t.Helper()
	s, err := image.Open(t.TempDir(), image.Options{})
	require.NoError(t, err)
	return s
}

// of makes an image of one layer for each list of files.
func of(t testing.TB, layers ...[]image.File) v1.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		l, err := image.Layer(files)
		require.NoError(t, err)
		img, err = mutate.AppendLayers(img, l)
		require.NoError(t, err)
	}
	return img
}

func file(name, data string) image.File {
	return image.File{Name: name, Mode: 0o644, Data: []byte(data)}
}

func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"demo":                                   "docker.io/library/demo:latest",
		"demo:v1":                                "docker.io/library/demo:v1",
		"library/demo:v1":                        "docker.io/library/demo:v1",
		"docker.io/demo:v1":                      "docker.io/library/demo:v1",
		"index.docker.io/a/b":                    "docker.io/a/b:latest",
		"coracle/demo":                           "docker.io/coracle/demo:latest",
		"localhost:5000/a":                       "localhost:5000/a:latest",
		"registry.k8s.io/pause:3.9":              "registry.k8s.io/pause:3.9",
		"a@sha256:" + strings.Repeat("0", 64):    "docker.io/library/a@sha256:" + strings.Repeat("0", 64),
		"a:v1@sha256:" + strings.Repeat("0", 64): "docker.io/library/a@sha256:" + strings.Repeat("0", 64),
	} {
		got, err := image.Normalize(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
		again, err := image.Normalize(got)
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	for _, in := range []string{"", "UPPER", "a b", "a:", "../../etc", "a@sha256:12", "a:v1:v2", "/a"} {
		_, err := image.Normalize(in)
		require.ErrorIs(t, err, image.ErrInvalidName, in)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"demo", "a/b:c", "localhost:5000/x@sha256:0", "é", "a//b", "docker.io/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		full, err := image.Normalize(in)
		if err != nil {
			require.ErrorIs(t, err, image.ErrInvalidName)
			return
		}
		again, err := image.Normalize(full)
		require.NoError(t, err)
		require.Equal(t, full, again)
	})
}

func TestStore_names(t *testing.T) {
	s := open(t)
	one, err := s.Add(t.Context(), of(t, []image.File{file("/a", "1")}), "demo:v1", "other/name")
	require.NoError(t, err)
	for _, ref := range []string{"demo:v1", "docker.io/library/demo:v1", "other/name:latest", one.ID, strings.TrimPrefix(one.ID, "sha256:")} {
		got, err := s.Get(ref)
		require.NoError(t, err, ref)
		require.Equal(t, one, got)
	}
	require.Equal(t, []string{"docker.io/library/demo:v1", "docker.io/other/name:latest"}, one.Tags)
	_, err = s.Get("demo:v2")
	require.ErrorIs(t, err, image.ErrNotFound)

	// The name moves to another image, the first one keeps the other.
	two, err := s.Add(t.Context(), of(t, []image.File{file("/a", "2")}), "demo:v1")
	require.NoError(t, err)
	got, err := s.Get("demo:v1")
	require.NoError(t, err)
	require.Equal(t, two.ID, got.ID)
	require.NoError(t, s.Tag(two.ID, "demo:v2"))
	require.NoError(t, s.Untag("demo:v1"))
	_, err = s.Get("demo:v1")
	require.ErrorIs(t, err, image.ErrNotFound)
	require.ErrorIs(t, s.Untag("demo:v1"), image.ErrNotFound)

	// Removing one name removes the image under all of them.
	require.NoError(t, s.Tag(two.ID, "demo:v3"))
	require.NoError(t, s.Remove("demo:v3"))
	_, err = s.Get("demo:v2")
	require.ErrorIs(t, err, image.ErrNotFound)
	require.ErrorIs(t, s.Remove("demo:v3"), image.ErrNotFound)
	images, err := s.List()
	require.NoError(t, err)
	require.Len(t, images, 1)

	// A second store on the same directory sees the same.
	again, err := image.Open(s.Root(), image.Options{})
	require.NoError(t, err)
	got, err = again.Get("other/name")
	require.NoError(t, err)
	require.Equal(t, one.ID, got.ID)
}

func TestStore_remove_keeps_what_others_need(t *testing.T) {
	s := open(t)
	shared := []image.File{file("/shared", "x")}
	_, err := s.Add(t.Context(), of(t, shared, []image.File{file("/a", "1")}), "a")
	require.NoError(t, err)
	_, err = s.Add(t.Context(), of(t, shared, []image.File{file("/b", "1")}), "b")
	require.NoError(t, err)
	_, aDirs, err := s.Use(t.Context(), "container-1", "a")
	require.NoError(t, err)
	bDirs, err := s.Unpack(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, aDirs[0], bDirs[0], "a shared layer is unpacked once")

	require.NoError(t, s.Remove("a"))
	require.FileExists(t, filepath.Join(aDirs[1], "a"), "the lease keeps the layers")
	require.NoError(t, s.Release("container-1"))
	require.NoDirExists(t, aDirs[1])
	require.FileExists(t, filepath.Join(bDirs[0], "shared"))
	require.NoError(t, s.Release("container-1"), "again")

	require.NoError(t, s.Remove("b"))
	for _, dir := range []string{"blobs/sha256", "layers", "leases"} {
		entries, err := os.ReadDir(filepath.Join(s.Root(), dir))
		require.NoError(t, err)
		require.Empty(t, entries, dir)
	}
}

func TestStore_concurrent_use(t *testing.T) {
	s := open(t)
	images := make([]v1.Image, 4)
	for i := range images {
		images[i] = of(t, []image.File{file("/same", "x")}, []image.File{file("/own", string(rune('a'+i)))})
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ref, owner := "image"+string(rune('a'+i%4)), "owner-"+string(rune('a'+i))
			for range 5 {
				_, err := s.Add(context.Background(), images[i%4], ref)
				if !checkErr(t, err) {
					return
				}
				_, _, err = s.Use(context.Background(), owner, ref)
				if err != nil && !strings.Contains(err.Error(), "not found") { // removed by another one
					t.Error(err)
				}
				if err := s.Remove(ref); err != nil && !strings.Contains(err.Error(), "not found") {
					t.Error(err)
				}
				checkErr(t, s.Release(owner))
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		_ = s.Remove("image" + string(rune('a'+i)))
	}
	entries, err := os.ReadDir(filepath.Join(s.Root(), "leases"))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// checkErr reports an error from a goroutine that is not the test's. Somebody may
// remove an image between its being added and looked at.
func checkErr(t *testing.T, err error) bool {
	if err != nil && !strings.Contains(err.Error(), "not found") {
		t.Error(err)
		return false
	}
	return true
}

func TestStore_corrupt(t *testing.T) {
	s := open(t)
	img, err := s.Add(t.Context(), of(t, []image.File{file("/a", "hello")}), "a")
	require.NoError(t, err)
	manifest, err := of(t, []image.File{file("/a", "hello")}).Manifest()
	require.NoError(t, err)
	blob := filepath.Join(s.Root(), "blobs/sha256", manifest.Layers[0].Digest.Hex)
	raw, err := os.ReadFile(blob)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(blob, bytes.Replace(raw, []byte("hello"), []byte("HELLO"), 1), 0o600))
	_, err = s.Unpack(t.Context(), img.ID)
	require.ErrorIs(t, err, image.ErrCorrupt)
	require.NoError(t, os.Remove(blob))
	_, err = s.Unpack(t.Context(), img.ID)
	require.ErrorIs(t, err, image.ErrCorrupt)
	entries, err := os.ReadDir(filepath.Join(s.Root(), "layers"))
	require.NoError(t, err)
	require.Empty(t, entries, "nothing half unpacked stays")

	require.NoError(t, os.WriteFile(filepath.Join(s.Root(), "index.json"), []byte("{"), 0o600))
	_, err = s.List()
	require.ErrorIs(t, err, image.ErrCorrupt)
	_, err = image.Open(s.Root(), image.Options{})
	require.ErrorIs(t, err, image.ErrCorrupt)
}

// serve starts a registry and puts an image into it.
func serve(t *testing.T, img v1.Image, wrap func(http.Handler) http.Handler) (host string) {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	plain := httptest.NewServer(handler)
	t.Cleanup(plain.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(plain.URL, "http://") + "/demo:v1")
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, img))
	if wrap == nil {
		return strings.TrimPrefix(plain.URL, "http://")
	}
	wrapped := httptest.NewServer(wrap(handler))
	t.Cleanup(wrapped.Close)
	return strings.TrimPrefix(wrapped.URL, "http://")
}

func TestPull(t *testing.T) {
	img, err := random.Image(2000, 3)
	require.NoError(t, err)
	host := serve(t, img, nil)
	s := open(t)
	got, err := s.Pull(t.Context(), host+"/demo:v1", nil)
	require.NoError(t, err)
	require.Equal(t, []string{host + "/demo:v1"}, got.Tags)
	require.Len(t, got.Digests, 1)
	byDigest, err := s.Get(got.Digests[0])
	require.NoError(t, err)
	require.Equal(t, got, byDigest)
	_, err = s.Pull(t.Context(), got.Digests[0], nil)
	require.NoError(t, err, "a pull by digest")

	_, err = s.Pull(t.Context(), host+"/demo:v2", nil)
	require.ErrorContains(t, err, "demo:v2")
}

func TestPull_with_password(t *testing.T) {
	img, err := random.Image(100, 1)
	require.NoError(t, err)
	host := serve(t, img, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, pass, _ := r.BasicAuth(); user != "me" || pass != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				http.Error(w, "who are you", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	s := open(t)
	_, err = s.Pull(t.Context(), host+"/demo:v1", nil)
	require.ErrorContains(t, err, "401")
	_, err = s.Pull(t.Context(), host+"/demo:v1", authn.FromConfig(authn.AuthConfig{Username: "me", Password: "secret"}))
	require.NoError(t, err)
}

func TestPull_refuses_plain_http(t *testing.T) {
	img, err := random.Image(100, 1)
	require.NoError(t, err)
	host := serve(t, img, nil)
	// A registry in a private network, reached without TLS.
	toHost := roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme == "https" {
			return nil, io.ErrUnexpectedEOF
		}
		r = r.Clone(r.Context())
		r.URL.Host = host
		return http.DefaultTransport.RoundTrip(r)
	})
	s, err := image.Open(t.TempDir(), image.Options{Transport: toHost})
	require.NoError(t, err)
	_, err = s.Pull(t.Context(), "10.1.2.3:5000/demo:v1", nil)
	require.ErrorIs(t, err, image.ErrRefused)
	s, err = image.Open(t.TempDir(), image.Options{Transport: toHost, PlainHTTP: []string{"10.1.2.3:5000"}})
	require.NoError(t, err)
	_, err = s.Pull(t.Context(), "10.1.2.3:5000/demo:v1", nil)
	require.NoError(t, err)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A registry that sends other bytes than it promised.
func TestPull_refuses_wrong_bytes(t *testing.T) {
	img := of(t, []image.File{file("/a", "hello")})
	host := serve(t, img, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.URL.Path, "/blobs/") {
				next.ServeHTTP(w, r)
				return
			}
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			_, _ = w.Write(bytes.ReplaceAll(rec.Body.Bytes(), []byte("hello"), []byte("HELLO")))
		})
	})
	s := open(t)
	_, err := s.Pull(t.Context(), host+"/demo:v1", nil)
	require.Error(t, err)
	images, err := s.List()
	require.NoError(t, err)
	require.Empty(t, images)
}

func TestLoad_and_save(t *testing.T) {
	img := of(t, []image.File{file("/a", "hello")})
	dir := t.TempDir()
	ref, err := name.ParseReference("demo:v1")
	require.NoError(t, err)
	docker := filepath.Join(dir, "docker.tar")
	require.NoError(t, tarball.WriteToFile(docker, ref, img))

	s := open(t)
	loaded, err := s.Load(t.Context(), docker)
	require.NoError(t, err)
	require.Len(t, loaded, 1)
	require.Equal(t, []string{"docker.io/library/demo:v1"}, loaded[0].Tags)

	var saved bytes.Buffer
	require.NoError(t, s.Save("demo:v1", &saved))
	again := filepath.Join(dir, "again.tar")
	require.NoError(t, os.WriteFile(again, saved.Bytes(), 0o600))
	other := open(t)
	reloaded, err := other.Load(t.Context(), again)
	require.NoError(t, err)
	require.Equal(t, loaded[0].ID, reloaded[0].ID)

	oci := filepath.Join(dir, "oci")
	path, err := layout.Write(oci, empty.Index)
	require.NoError(t, err)
	require.NoError(t, path.AppendImage(img, layout.WithAnnotations(map[string]string{"io.containerd.image.name": "docker.io/library/oci:v1"})))
	third := open(t)
	reloaded, err = third.Load(t.Context(), tarOf(t, oci))
	require.NoError(t, err)
	require.Equal(t, []string{"docker.io/library/oci:v1"}, reloaded[0].Tags)
	require.Equal(t, loaded[0].ID, reloaded[0].ID)

	junk := filepath.Join(dir, "junk")
	require.NoError(t, os.WriteFile(junk, []byte(strings.Repeat("junk", 1000)), 0o600))
	_, err = s.Load(t.Context(), junk)
	require.ErrorIs(t, err, image.ErrCorrupt)
}
