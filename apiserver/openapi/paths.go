package openapi

import (
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
)

// paths collects what can be done with the resources of one group's version, by
// path and method.
type paths struct {
	gv      schema.GroupVersion
	schemas *schemas
	byPath  object
}

func newPaths(gv schema.GroupVersion, schemas *schemas) *paths {
	p := &paths{gv: gv, schemas: schemas, byPath: object{}}
	p.byPath["/"+versionPath(gv)+"/"] = object{"get": object{
		"operationId": "get" + idOf(gv) + "APIResources",
		"description": "get available resources",
		"tags":        p.tags(),
		"responses":   responses(answerTypes, schemas.ref(&metav1.APIResourceList{}), 200),
	}}
	return p
}

// A place is a path of a resource, and what its operations have in common.
type place struct {
	resource *api.Resource
	kind     schema.GroupVersionKind // of what is read and written there
	path     string
	sub      string
	suffix   string // of the operations' names
}

// addResource describes a resource and its subresources, which discovery lists
// by names such as "pods" and "pods/log".
func (p *paths) addResource(r *api.Resource, discovered []metav1.APIResource) {
	base := "/" + versionPath(p.gv)
	if r.Namespaced {
		base += "/namespaces/{namespace}"
	}
	base += "/" + r.Plural
	for _, found := range discovered {
		at := place{resource: r, kind: r.GroupVersionKind, path: base}
		if _, sub, isSub := strings.Cut(found.Name, "/"); isSub {
			at.sub, at.path = sub, base+"/{name}/"+sub
			at.kind = subKind(r, found)
			for _, verb := range found.Verbs {
				p.add(at, verb)
			}
			if sub == "proxy" {
				p.addProxied(at, found.Verbs)
			}
			continue
		}
		for _, verb := range found.Verbs {
			p.addVerb(at, verb)
		}
	}
}

// addProxied describes the paths behind a proxy.
func (p *paths) addProxied(at place, verbs []string) {
	at.path += "/{path}"
	at.suffix = "WithPath"
	for _, verb := range verbs {
		p.add(at, verb)
	}
}

// subKind is the kind of a subresource, by default one of its resource's group.
func subKind(r *api.Resource, found metav1.APIResource) schema.GroupVersionKind {
	kind := schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: found.Kind}
	if found.Version != "" {
		kind.Group, kind.Version = found.Group, found.Version
	}
	return kind
}

// addVerb describes what a verb does to a resource itself: to the collection, or
// to one object.
func (p *paths) addVerb(at place, verb string) {
	one := at
	one.path += "/{name}"
	switch verb {
	case "list":
		p.add(at, verb)
		if at.resource.Namespaced {
			p.add(everywhere(at), verb)
		}
	case "create", "deletecollection":
		p.add(at, verb)
	case "watch":
		p.addWatches(at, one)
	default:
		p.add(one, verb)
	}
}

// everywhere is the collection of a resource in all namespaces.
func everywhere(at place) place {
	at.path = strings.Replace(at.path, "/namespaces/{namespace}", "", 1)
	at.suffix = "ForAllNamespaces"
	return at
}

// addWatches describes the old paths for watches, which still work.
func (p *paths) addWatches(all, one place) {
	places := []place{all, one}
	if all.resource.Namespaced {
		places = append(places, everywhere(all))
	}
	prefix := "/" + versionPath(p.gv)
	for _, at := range places {
		verb := "watchlist"
		if strings.HasSuffix(at.path, "{name}") {
			verb = "watch"
		}
		at.path = prefix + "/watch" + strings.TrimPrefix(at.path, prefix)
		p.add(at, verb)
	}
}

// add describes one operation, or all those of a stream.
func (p *paths) add(at place, verb string) {
	item, _ := p.byPath[at.path].(object)
	if item == nil {
		item = object{"parameters": p.pathParameters(at)}
		p.byPath[at.path] = item
	}
	o := operation{paths: p, place: at, verb: verb}
	item[o.method()] = o.describe()
}

// tags group the operations: core_v1, rbacAuthorization_v1.
func (p *paths) tags() []any {
	id := strings.TrimSuffix(idOf(p.gv), capital(p.gv.Version))
	return []any{strings.ToLower(id[:1]) + id[1:] + "_" + p.gv.Version}
}

// pathParameters are what is in braces in a path, and what every request can
// have.
func (p *paths) pathParameters(at place) []any {
	var found []any
	add := func(name, text string) {
		if strings.Contains(at.path, "{"+name+"}") {
			found = append(found, object{
				"name": name, "in": "path", "required": true, "description": text, "schema": object{"type": "string", "uniqueItems": true},
			})
		}
	}
	add("name", "name of the "+at.resource.Kind)
	add("namespace", "object name and auth scope, such as for teams and projects")
	add("path", "path to the resource")
	return append(found, object{
		"name": "pretty", "in": "query", "description": "If 'true', then the output is pretty printed.",
		"schema": object{"type": "string", "uniqueItems": true},
	})
}

// parametersOf are the query parameters that an options type stands for, such
// as those of a list.
func parametersOf(options ...reflect.Type) []any {
	var found []any
	seen := map[string]bool{}
	for _, t := range options {
		texts := swaggerDoc(t)
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			kind := parameterType(t.Field(i).Type)
			if name == "" || seen[name] || kind == "" || offByDefault(name) {
				continue
			}
			seen[name] = true
			found = append(found, object{
				"name": name, "in": "query", "description": texts[name],
				"schema": object{"type": kind, "uniqueItems": true},
			})
		}
	}
	slices.SortFunc(found, func(a, b any) int {
		return strings.Compare(a.(object)["name"].(string), b.(object)["name"].(string))
	})
	return found
}

// offByDefault says whether a parameter belongs to an alpha feature, which this
// server does not have.
func offByDefault(name string) bool {
	return name == "shardSelector" || name == "ignoreStoreReadErrorWithClusterBreakingPotential"
}

// parameterType is how a field is written in a query; empty if it is not.
func parameterType(t reflect.Type) string {
	switch t = elem(t); t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.Int64, reflect.Int32:
		return "integer"
	case reflect.String:
		return "string"
	case reflect.Slice:
		return parameterType(t.Elem())
	default:
		return ""
	}
}
