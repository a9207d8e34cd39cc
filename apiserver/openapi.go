package apiserver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// openapi serves the description of the API. kubectl reads it to learn whether
// the server validates fields itself, how lists are merged, and for `explain`.
// The documents are made from the resources when they are first asked for.
type openapi struct {
	resources api.Registry

	mu        sync.Mutex // guards the fields below
	of        []*api.Resource
	documents map[string]openapiDocument // by path, such as apis/apps/v1
}

type openapiDocument struct {
	data []byte
	hash string
}

func newOpenAPI(s *Server) *openapi { return &openapi{resources: s.storage.resources} }

// current returns the documents, made anew if the resources have changed.
func (o *openapi) current() map[string]openapiDocument {
	all := o.resources.All()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.documents != nil && slices.Equal(o.of, all) {
		return o.documents
	}
	byVersion := map[schema.GroupVersion][]*api.Resource{}
	for _, r := range all {
		byVersion[r.GroupVersion()] = append(byVersion[r.GroupVersion()], r)
	}
	o.of, o.documents = slices.Clone(all), map[string]openapiDocument{}
	for gv, resources := range byVersion {
		data, err := json.Marshal(describeVersion(gv, resources))
		if err != nil {
			panic(fmt.Sprintf("the OpenAPI document of %s cannot be marshalled: %v", gv, err)) // it is made of maps and strings
		}
		sum := sha256.Sum256(data)
		o.documents[versionPath(gv)] = openapiDocument{data: data, hash: strings.ToUpper(hex.EncodeToString(sum[:]))}
	}
	return o.documents
}

func versionPath(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "api/" + gv.Version
	}
	return "apis/" + gv.String()
}

// serveV3 answers the list of documents and each of them. A client that knows
// a document by its hash may keep it for good.
func (o *openapi) serveV3(w http.ResponseWriter, r *http.Request) {
	documents := o.current()
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/openapi/v3"), "/")
	if path == "" {
		paths := map[string]any{}
		for name, d := range documents {
			paths[name] = map[string]any{"serverRelativeURL": "/openapi/v3/" + name + "?hash=" + d.hash}
		}
		writeJSON(w, map[string]any{"paths": paths})
		return
	}
	document, found := documents[path]
	if !found {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	if r.URL.Query().Get("hash") == document.hash {
		w.Header().Set("Cache-Control", "public, immutable")
	}
	sendTagged(w, r, api.JSON, document.data, document.hash)
}

// protobufV2 is the form of OpenAPI v2 that client-go asks for.
// The answer is named otherwise, since "@" has no place in a media type.
const (
	protobufV2     = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
	protobufV2Type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
)

// serveV2 answers the older form of the description: the operations, without
// the schemas, for which there is v3.
func (o *openapi) serveV2(w http.ResponseWriter, r *http.Request) {
	data, err := json.Marshal(describeV2(o.resources.All()))
	contentType := api.JSON
	if err == nil && strings.Contains(r.Header.Get("Accept"), protobufV2) {
		contentType = protobufV2Type
		var document *openapi_v2.Document
		if document, err = openapi_v2.ParseDocument(data); err == nil {
			data, err = proto.Marshal(document)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(data)
	sendTagged(w, r, contentType, data, hex.EncodeToString(sum[:]))
}

// sendTagged answers with data, or with 304 to a client that has it.
func sendTagged(w http.ResponseWriter, r *http.Request, contentType string, data []byte, hash string) {
	tag := `"` + hash + `"`
	w.Header().Set("Etag", tag)
	w.Header().Set("Vary", "Accept")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(data) // an error is a client that went away
}
