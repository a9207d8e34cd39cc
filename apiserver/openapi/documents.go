package openapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	openapi_v3 "github.com/google/gnostic-models/openapiv3"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// object is a JSON object under construction.
type object = map[string]any

// A Source says what there is to describe.
type Source struct {
	// Resources are what is described.
	Resources api.Registry
	// Discover returns what discovery says of a resource: itself and its
	// subresources, with their verbs and kinds.
	Discover func(*api.Resource) []metav1.APIResource
	// Version is the version of the API as a whole, such as "1.37".
	Version string
}

// Documents are the description of an API, which they also serve: see
// [Documents.ServeV2] and [Documents.ServeV3]. They are safe for concurrent use.
type Documents struct {
	source Source

	mu       sync.Mutex // guards the fields below
	of       []*api.Resource
	versions map[string]*document // by path, such as apis/apps/v1
	all      *document            // OpenAPI v2
}

// New returns the documents of a source. It makes none yet.
func New(source Source) *Documents { return &Documents{source: source} }

// current returns the documents of the resources there are now.
func (d *Documents) current() (versions map[string]*document, all *document) {
	resources := d.source.Resources.All()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.versions == nil || !slices.Equal(d.of, resources) {
		d.renew(resources)
	}
	return d.versions, d.all
}

// renew makes place for documents of other resources than before. Those whose
// resources are the same stay.
func (d *Documents) renew(resources []*api.Resource) {
	byVersion := map[schema.GroupVersion][]*api.Resource{}
	for _, r := range resources {
		byVersion[r.GroupVersion()] = append(byVersion[r.GroupVersion()], r)
	}
	versions := make(map[string]*document, len(byVersion))
	for gv, of := range byVersion {
		if old := d.versions[versionPath(gv)]; old != nil && slices.Equal(old.of, of) {
			versions[versionPath(gv)] = old
			continue
		}
		versions[versionPath(gv)] = &document{of: of, make: func() object { return d.describe(gv, of) }, toProtobuf: protobufV3}
	}
	d.of, d.versions = slices.Clone(resources), versions
	d.all = &document{of: d.of, make: func() object { return d.describeAll(byVersion) }, toProtobuf: protobufV2}
}

// describe is the OpenAPI v3 document of one group's version.
func (d *Documents) describe(gv schema.GroupVersion, resources []*api.Resource) object {
	schemas := newSchemas()
	paths := newPaths(gv, schemas)
	for _, r := range resources {
		schemas.addResource(r)
		paths.addResource(r, d.source.Discover(r))
	}
	return object{
		"openapi": "3.0.0",
		"info":    d.info(),
		"paths":   paths.byPath,
		"components": object{
			"schemas":         schemas.byName,
			"securitySchemes": security(),
		},
	}
}

// describeAll is the OpenAPI v2 document of everything.
func (d *Documents) describeAll(byVersion map[schema.GroupVersion][]*api.Resource) object {
	paths, definitions := object{}, object{}
	for gv, resources := range byVersion {
		document := d.describe(gv, resources)
		for path, item := range document["paths"].(object) {
			paths[path] = pathV2(item.(object))
		}
		for name, described := range document["components"].(object)["schemas"].(object) {
			if definitions[name] == nil {
				definitions[name] = schemaV2(described.(object))
			}
		}
	}
	return object{
		"swagger":             "2.0",
		"info":                d.info(),
		"paths":               paths,
		"definitions":         definitions,
		"securityDefinitions": security(),
		"security":            []object{{"BearerToken": []any{}}},
	}
}

func (d *Documents) info() object { return object{"title": "Kubernetes", "version": d.source.Version} }

func security() object {
	return object{"BearerToken": object{
		"type": "apiKey", "in": "header", "name": "authorization", "description": "Bearer Token authentication",
	}}
}

// versionPath is where a group's version is served, and the name of its document.
func versionPath(gv schema.GroupVersion) string {
	if gv.Group == "" {
		return "api/" + gv.Version
	}
	return "apis/" + gv.String()
}

// A document is made when it is first asked for.
type document struct {
	of         []*api.Resource
	make       func() object
	toProtobuf func(json []byte) (proto.Message, error)

	once sync.Once
	json zipped
	hash string
	err  error

	protobufOnce sync.Once
	protobuf     zipped
	protobufErr  error
}

// zipped are the bytes of a document, which compress to a tenth, and are kept
// and mostly sent like that.
type zipped []byte

func zip(data []byte) zipped {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is one that exists
	_, _ = w.Write(data)                            // a buffer takes everything
	_ = w.Close()
	return bytes.Clone(b.Bytes())
}

func (z zipped) unzip() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		return nil, fmt.Errorf("unzip document: %w", err)
	}
	return io.ReadAll(r)
}

// asJSON returns the document and its hash, by which clients know it.
func (d *document) asJSON() (zipped, string, error) {
	d.once.Do(func() {
		var data []byte
		if data, d.err = json.Marshal(d.make()); d.err != nil {
			return
		}
		sum := sha512.Sum512(data)
		d.json, d.hash = zip(data), strings.ToUpper(hex.EncodeToString(sum[:]))
	})
	return d.json, d.hash, d.err
}

// asProtobuf returns the document in the form that client-go asks for. Its hash
// is that of the JSON.
func (d *document) asProtobuf() (zipped, string, error) {
	d.protobufOnce.Do(func() {
		written, _, err := d.asJSON()
		if err == nil {
			d.protobuf, err = translate(written, d.toProtobuf)
		}
		d.protobufErr = err
	})
	return d.protobuf, d.hash, cmp.Or(d.err, d.protobufErr)
}

func translate(written zipped, toProtobuf func([]byte) (proto.Message, error)) (zipped, error) {
	data, err := written.unzip()
	if err != nil {
		return nil, err
	}
	message, err := toProtobuf(data)
	if err != nil {
		return nil, fmt.Errorf("translate document: %w", err)
	}
	if data, err = proto.Marshal(message); err != nil {
		return nil, fmt.Errorf("marshal document: %w", err)
	}
	return zip(data), nil
}

func protobufV2(data []byte) (proto.Message, error) { return openapi_v2.ParseDocument(data) }

func protobufV3(data []byte) (proto.Message, error) { return openapi_v3.ParseDocument(data) }
