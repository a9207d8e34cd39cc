package apiserver

import (
	"encoding/json"
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
	figures, slis := s.metrics.handlers(s)
	return map[string]http.Handler{
		"/":             http.HandlerFunc(s.servePathList),
		"/version":      http.HandlerFunc(serveVersion),
		"/healthz":      http.HandlerFunc(s.serveHealth),
		"/livez":        http.HandlerFunc(s.serveHealth),
		"/readyz":       http.HandlerFunc(s.serveHealth),
		"/metrics":      figures,
		"/metrics/slis": slis,
		"/debug/pprof":  http.HandlerFunc(serveProfile),
		"/openapi/v2":   http.HandlerFunc(s.openapi.ServeV2),
		"/openapi/v3":   http.HandlerFunc(s.openapi.ServeV3),
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
	for _, tree := range []string{"/healthz", "/livez", "/readyz", "/openapi/v3", "/debug/pprof"} {
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
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
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
