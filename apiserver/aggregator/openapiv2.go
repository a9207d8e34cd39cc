package aggregator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/apiserver/openapi"
)

// OpenAPIV2 implements apiserver.Remotes: it adds what the backends tell of their
// groups to the one document that OpenAPI v2 has. Few ask for it any more, so the
// backends are asked when somebody does.
func (a *Aggregator) OpenAPIV2(local http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backends := a.current()
		if len(backends) == 0 {
			local.ServeHTTP(w, r)
			return
		}
		recorded := askForJSON(local, r)
		var whole map[string]any
		if recorded.code != http.StatusOK || json.Unmarshal(recorded.body.Bytes(), &whole) != nil {
			http.Error(w, recorded.body.String(), recorded.code)
			return
		}
		byName := func(a, b schema.GroupVersion) int { return strings.Compare(a.String(), b.String()) }
		for _, gv := range slices.SortedFunc(maps.Keys(backends), byName) {
			if part, err := backends[gv].describe(r.Context()); err == nil {
				addDocument(whole, part, gv)
			}
		}
		openapi.ServeMadeV2(w, r, whole)
	})
}

// askForJSON gets a local document as it is.
func askForJSON(local http.Handler, r *http.Request) *recorder {
	plain := r.Clone(r.Context())
	plain.Header.Del("If-None-Match")
	plain.Header.Del("Accept-Encoding")
	plain.Header.Set("Accept", "application/json")
	recorded := &recorder{header: http.Header{}, code: http.StatusOK}
	local.ServeHTTP(recorded, plain)
	return recorded
}

// describe asks the backend for its OpenAPI v2 document.
func (b *backend) describe(ctx context.Context) (document map[string]any, err error) {
	if !b.available.Load() {
		return nil, fmt.Errorf("the server of %s is not available", b.gv)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	host, err := b.endpoint(ctx)
	if err == nil {
		err = b.get(ctx, host, "/openapi/v2", &document)
	}
	return document, err
}

// addDocument adds the paths of one group version, and the definitions that they
// need, to a document. A definition whose name is taken by another gets a number,
// as kube-aggregator gives them. It takes part apart.
func addDocument(whole, part map[string]any, gv schema.GroupVersion) {
	paths, definitions := inner(whole, "paths"), inner(whole, "definitions")
	theirs := inner(part, "definitions")
	named := map[string]string{} // their names, and what they are here
	var need func(value any)
	need = func(value any) {
		eachReference(value, func(holder map[string]any, name string) {
			if _, known := named[name]; !known {
				named[name] = freeName(definitions, name, theirs[name])
				need(theirs[name])
			}
		})
	}
	own := map[string]any{}
	for path, item := range inner(part, "paths") {
		if strings.HasPrefix(path, "/apis/"+gv.String()+"/") {
			own[path] = item
			need(item)
		}
	}
	rename := func(holder map[string]any, name string) { holder["$ref"] = definitionPrefix + named[name] }
	for name, here := range named {
		eachReference(theirs[name], rename)
		if definitions[here] == nil && theirs[name] != nil {
			definitions[here] = theirs[name]
		}
	}
	eachReference(own, rename)
	maps.Copy(paths, own)
}

const definitionPrefix = "#/definitions/"

// freeName is the name, or the first with a number, that is free or means the same.
func freeName(definitions map[string]any, name string, means any) string {
	for n, candidate := 2, name; ; n++ {
		if there := definitions[candidate]; there == nil || reflect.DeepEqual(there, means) {
			return candidate
		}
		candidate = fmt.Sprintf("%s_v%d", name, n)
	}
}

// eachReference visits what refers to a definition, anywhere in a value.
func eachReference(value any, visit func(holder map[string]any, name string)) {
	switch v := value.(type) {
	case map[string]any:
		if target, ok := v["$ref"].(string); ok {
			if name, ok := strings.CutPrefix(target, definitionPrefix); ok {
				visit(v, name)
			}
		}
		for _, item := range v {
			eachReference(item, visit)
		}
	case []any:
		for _, item := range v {
			eachReference(item, visit)
		}
	}
}

// inner returns an object within another, made if it is not there.
func inner(of map[string]any, name string) map[string]any {
	found, ok := of[name].(map[string]any)
	if !ok {
		found = map[string]any{}
		of[name] = found
	}
	return found
}
