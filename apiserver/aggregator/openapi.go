package aggregator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// OpenAPIV3 implements apiserver.Remotes: it adds the backends' documents to the
// list of local ones, and passes requests for them on.
func (a *Aggregator) OpenAPIV3(local http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backends := a.current()
		path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/openapi/v3"), "/")
		switch {
		case len(backends) == 0:
			local.ServeHTTP(w, r)
		case path == "":
			addDocuments(w, r, local, backends)
		default:
			if gv, err := schema.ParseGroupVersion(strings.TrimPrefix(path, "apis/")); err == nil && backends[gv] != nil {
				backends[gv].ServeHTTP(w, r)
				return
			}
			local.ServeHTTP(w, r)
		}
	})
}

// addDocuments answers with the local list and the backends' documents in it.
func addDocuments(w http.ResponseWriter, r *http.Request, local http.Handler, backends map[schema.GroupVersion]*backend) {
	recorded := askForJSON(local, r)
	var index struct {
		Paths map[string]any `json:"paths"`
	}
	if recorded.code != http.StatusOK || json.Unmarshal(recorded.body.Bytes(), &index) != nil {
		http.Error(w, recorded.body.String(), recorded.code)
		return
	}
	for gv, b := range backends {
		path := "apis/" + gv.String()
		delete(index.Paths, path) // a local one that is no longer asked
		if news := b.told.Load(); news != nil && news.openapi != "" && b.available.Load() {
			index.Paths[path] = map[string]string{"serverRelativeURL": news.openapi}
		}
	}
	data, err := json.Marshal(index)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // an error is a client that went away
}

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header            { return w.header }
func (w *recorder) Write(data []byte) (int, error) { return w.body.Write(data) }
func (w *recorder) WriteHeader(code int)           { w.code = code }
