package apiserver

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
)

// object is a JSON object under construction.
type object = map[string]any

// describeVersion is the OpenAPI v3 document of one group's version.
func describeVersion(gv schema.GroupVersion, resources []*api.Resource) object {
	schemas := newSchemas()
	paths := object{}
	for _, r := range resources {
		if isCustom(r) {
			schemas.addCustom(r)
		} else {
			schemas.addKind(r.GroupVersionKind, r.New())
		}
		for path, operations := range describePaths(r, true) {
			paths[path] = operations
		}
	}
	return object{
		"openapi":    "3.0.0",
		"info":       object{"title": "Kubernetes", "version": gitVersion},
		"paths":      paths,
		"components": object{"schemas": schemas.byName},
	}
}

// describeV2 is the OpenAPI v2 document of everything, without schemas.
func describeV2(resources []*api.Resource) object {
	paths := object{}
	for _, r := range resources {
		for path, operations := range describePaths(r, false) {
			paths[path] = operations
		}
	}
	return object{
		"swagger":     "2.0",
		"info":        object{"title": "Kubernetes", "version": gitVersion},
		"paths":       paths,
		"definitions": object{},
	}
}

// describePaths lists what can be done with a resource, by path and method.
func describePaths(r *api.Resource, v3 bool) object {
	base := "/" + versionPath(r.GroupVersion())
	if r.Namespaced {
		base += "/namespaces/{namespace}"
	}
	base += "/" + r.Plural
	d := pathDescriber{resource: r, v3: v3, paths: object{}}
	for _, verb := range verbsOf(r) {
		switch verb {
		case "list", "create", "deletecollection":
			d.add(base, verb, r.GroupVersionKind)
		case "get", "update", "patch", "delete":
			d.add(base+"/{name}", verb, r.GroupVersionKind)
		}
	}
	for _, sub := range []string{"status", "scale", "finalize"} {
		if v, ok := viewOf(r, sub); ok {
			for _, verb := range v.verbs {
				d.add(base+"/{name}/"+sub, verb, v.kind)
			}
		}
	}
	return d.paths
}

// A pathDescriber collects the operations of one resource.
type pathDescriber struct {
	resource *api.Resource
	v3       bool
	paths    object
}

var methods = map[string]string{
	"get": "get", "list": "get", "create": "post", "update": "put",
	"patch": "patch", "delete": "delete", "deletecollection": "delete",
}

// parameters are the query parameters of each verb.
var parameters = map[string][]string{
	"get":              {"resourceVersion"},
	"list":             {"allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch"},
	"create":           {"dryRun", "fieldManager", "fieldValidation"},
	"update":           {"dryRun", "fieldManager", "fieldValidation"},
	"patch":            {"dryRun", "fieldManager", "fieldValidation", "force"},
	"delete":           {"dryRun", "gracePeriodSeconds", "propagationPolicy"},
	"deletecollection": {"dryRun", "fieldSelector", "gracePeriodSeconds", "labelSelector", "propagationPolicy"},
}

// add describes one operation.
func (d *pathDescriber) add(path, verb string, kind schema.GroupVersionKind) {
	action := map[string]string{"create": "post", "update": "put"}[verb]
	if action == "" {
		action = verb
	}
	id := strings.ReplaceAll(strings.Trim(path, "/"), "/", "_") + "_" + verb
	operation := object{
		"operationId":                     strings.NewReplacer("{", "", "}", "", ".", "_").Replace(id),
		"x-kubernetes-action":             action,
		"x-kubernetes-group-version-kind": object{"group": kind.Group, "version": kind.Version, "kind": kind.Kind},
		"parameters":                      d.parameters(path, verb),
		"responses":                       object{"200": object{"description": "OK"}},
	}
	if body := d.body(verb); body != nil && d.v3 {
		operation["requestBody"] = body
	}
	operations, _ := d.paths[path].(object)
	if operations == nil {
		operations = object{}
		d.paths[path] = operations
	}
	operations[methods[verb]] = operation
}

func (d *pathDescriber) parameters(path, verb string) []object {
	list := []object{}
	add := func(name, in string, required bool) {
		p := object{"name": name, "in": in, "required": required}
		if d.v3 {
			p["schema"] = object{"type": "string"}
		} else {
			p["type"] = "string"
		}
		list = append(list, p)
	}
	for _, name := range []string{"namespace", "name"} {
		if strings.Contains(path, "{"+name+"}") {
			add(name, "path", true)
		}
	}
	for _, name := range parameters[verb] {
		add(name, "query", false)
	}
	return list
}

// body says which media types a write takes.
func (d *pathDescriber) body(verb string) object {
	var mediaTypes []string
	custom := isCustom(d.resource)
	switch verb {
	case "create", "update":
		mediaTypes = []string{api.JSON, api.YAML}
		if !custom {
			mediaTypes = append(mediaTypes, api.Protobuf)
		}
	case "patch":
		mediaTypes = []string{string(types.JSONPatchType), string(types.MergePatchType), string(types.ApplyPatchType)}
		if !custom {
			mediaTypes = append(mediaTypes, string(types.StrategicMergePatchType))
		}
	default:
		return nil
	}
	slices.Sort(mediaTypes)
	content := object{}
	for _, mediaType := range mediaTypes {
		content[mediaType] = object{"schema": object{"type": "object"}}
	}
	return object{"content": content, "required": true}
}
