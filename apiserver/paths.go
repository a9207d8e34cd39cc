package apiserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	goruntime "runtime"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/version"
)

// The Kubernetes version whose API this is. Clients parse it.
const (
	majorVersion = "1"
	minorVersion = "37"
	gitVersion   = "v1.37.2+coracle"
)

// fixedPaths are the paths that are no resources.
func (s *Server) fixedPaths() map[string]http.Handler {
	return map[string]http.Handler{
		"/":           http.HandlerFunc(s.servePathList),
		"/version":    http.HandlerFunc(serveVersion),
		"/healthz":    http.HandlerFunc(s.serveHealth),
		"/livez":      http.HandlerFunc(s.serveHealth),
		"/readyz":     http.HandlerFunc(s.serveHealth),
		"/metrics":    s.metrics.handler(),
		"/openapi/v2": http.HandlerFunc(s.openapi.ServeV2),
		"/openapi/v3": http.HandlerFunc(s.openapi.ServeV3),
	}
}

// servePath answers a path outside resources.
func (s *Server) servePath(q *request) error {
	path := q.URL.Path
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if done, err := s.serveDiscovery(q, path); done || err != nil {
		return err
	}
	handler := s.paths[path]
	for _, tree := range []string{"/healthz", "/livez", "/readyz", "/openapi/v3"} {
		if handler == nil && strings.HasPrefix(path, tree+"/") {
			handler = s.paths[tree]
		}
	}
	if handler == nil {
		http.Error(q.w, "404 page not found", http.StatusNotFound)
		return nil
	}
	handler.ServeHTTP(q.w, q.Request)
	return nil
}

// servePathList answers / with what there is.
func (s *Server) servePathList(w http.ResponseWriter, _ *http.Request) {
	paths := []string{"/api", "/apis"}
	for _, g := range s.discover() {
		for _, v := range g.versions {
			if g.name == "" {
				paths = append(paths, "/api/"+v.Version)
			} else {
				paths = append(paths, "/apis/"+v.GroupVersion.String())
			}
		}
		if g.name != "" {
			paths = append(paths, "/apis/"+g.name)
		}
	}
	for path := range s.paths {
		if path != "/" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	writeJSON(w, map[string]any{"paths": paths})
}

func serveVersion(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "405: Method Not Allowed", http.StatusMethodNotAllowed)
		return
	}
	writeJSON(w, version.Info{
		Major: majorVersion, Minor: minorVersion, GitVersion: gitVersion, GitTreeState: "clean",
		GoVersion: goruntime.Version(), Compiler: goruntime.Compiler,
		Platform: goruntime.GOOS + "/" + goruntime.GOARCH,
	})
}

func writeJSON(w http.ResponseWriter, value any) {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // an error is a client that went away
}

// A healthCheck is one thing that health depends on.
type healthCheck struct {
	name  string
	check func(r *http.Request) error
}

// healthChecks returns what each endpoint looks at: a server is alive when it
// answers, and ready when it also has its store.
func (s *Server) healthChecks(endpoint string) []healthCheck {
	checks := []healthCheck{{"ping", func(*http.Request) error { return nil }}}
	if endpoint == "livez" {
		return checks
	}
	return append(checks,
		healthCheck{"store", func(r *http.Request) error {
			_, err := s.storage.store.Revision(r.Context())
			return err
		}},
		healthCheck{"watch-cache", func(*http.Request) error {
			select {
			case <-s.storage.cache.done:
				return errCacheStopped
			default:
			}
			select {
			case <-s.Ready():
				return nil
			default:
				return fmt.Errorf("the cache is not synced yet")
			}
		}})
}

// serveHealth answers /healthz, /livez and /readyz, whole or one check of them.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request) {
	endpoint, only, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	var report strings.Builder
	found, failed := false, false
	for _, c := range s.healthChecks(endpoint) {
		if only != "" && only != c.name {
			continue
		}
		found = true
		if err := c.check(r); err != nil {
			failed = true
			fmt.Fprintf(&report, "[-]%s failed: %v\n", c.name, err)
		} else {
			fmt.Fprintf(&report, "[+]%s ok\n", c.name)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case !found:
		http.Error(w, "404 page not found", http.StatusNotFound)
	case failed:
		http.Error(w, report.String()+endpoint+" check failed", http.StatusInternalServerError)
	case r.URL.Query().Has("verbose"):
		fmt.Fprintf(w, "%s%s check passed\n", report.String(), endpoint)
	default:
		fmt.Fprint(w, "ok")
	}
}
