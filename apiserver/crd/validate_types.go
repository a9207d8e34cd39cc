package crd

import (
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// judgeTypes judges how lists and maps say that they are merged.
func (w *walker) judgeTypes(s *apiextensions.JSONSchemaProps, at spot) {
	if s.XPreserveUnknownFields != nil && !*s.XPreserveUnknownFields {
		w.invalid(at.path.Child("x-kubernetes-preserve-unknown-fields"), false, "must be true or undefined")
	}
	w.judgeOwnType(s.XMapType, "x-kubernetes-map-type", s.Type, "object", at, "atomic", "granular")
	w.judgeOwnType(s.XListType, "x-kubernetes-list-type", s.Type, "array", at, "atomic", "set", "map")
	listType := valueOf(s.XListType)
	if len(s.XListMapKeys) > 0 && listType != "map" {
		const detail = "must be map if x-kubernetes-list-map-keys is non-empty"
		if s.XListType == nil {
			w.require(at.path.Child("x-kubernetes-list-type"), detail)
		} else {
			w.invalid(at.path.Child("x-kubernetes-list-type"), listType, detail)
		}
	}
	switch {
	case listType == "set" && s.Type == "array":
		w.judgeSet(s, at)
	case listType == "map":
		w.judgeMap(s, at)
	}
}

// judgeOwnType judges a merge type: that it is one, and that of its type.
func (w *walker) judgeOwnType(given *string, name, schemaType, wanted string, at spot, accepted ...string) {
	if given == nil {
		return
	}
	detail := "must be " + wanted + " if " + name + " is specified"
	switch schemaType {
	case wanted:
	case "":
		w.require(at.path.Child("type"), detail)
	default:
		w.invalid(at.path.Child("type"), schemaType, detail)
	}
	if !slices.Contains(accepted, *given) {
		w.errs = append(w.errs, field.NotSupported(at.path.Child(name), *given, accepted))
	}
}

// judgeSet asks that the elements of a set are compared as wholes.
func (w *walker) judgeSet(s *apiextensions.JSONSchemaProps, at spot) {
	if s.Items == nil || s.Items.Schema == nil {
		return
	}
	const detail = "must be atomic as item of a list with x-kubernetes-list-type=set"
	items, path := s.Items.Schema, at.path.Child("items")
	if items.Type == "array" && items.XListType != nil && *items.XListType != "atomic" {
		w.invalid(path.Child("x-kubernetes-list-type"), items.XListType, detail)
	}
	if items.Type == "object" && valueOf(items.XMapType) != "atomic" {
		w.invalid(path.Child("x-kubernetes-map-type"), items.XListType, detail)
	}
	if items.Nullable {
		w.forbid(path.Child("nullable"), "cannot be nullable when x-kubernetes-list-type is set")
	}
}

// judgeMap asks that the elements of a map have their keys.
func (w *walker) judgeMap(s *apiextensions.JSONSchemaProps, at spot) {
	path := at.path.Child("x-kubernetes-list-map-keys")
	if len(s.XListMapKeys) == 0 {
		w.require(path, "must not be empty if x-kubernetes-list-type is map")
	}
	switch {
	case s.Items == nil:
		w.require(at.path.Child("items"), "must have a schema if x-kubernetes-list-type is map")
		return
	case s.Items.Schema == nil:
		w.invalid(at.path.Child("items"), s.Items, "must only have a single schema if x-kubernetes-list-type is map")
		return
	case s.Items.Schema.Type != "object":
		w.invalid(at.path.Child("items", "type"), s.Items.Schema.Type, "must be object if parent array's x-kubernetes-list-type is map")
		return
	}
	items := s.Items.Schema
	for i, key := range s.XListMapKeys {
		property, found := items.Properties[key]
		if !found {
			w.invalid(path, s.XListMapKeys, "entries must all be names of item properties")
		} else if property.Type == "array" || property.Type == "object" {
			w.invalid(at.path.Child("items", "properties").Key(key).Child("type"), items.Type,
				"must be a scalar type if parent array's x-kubernetes-list-type is map")
		}
		if slices.Contains(s.XListMapKeys[:i], key) {
			w.invalid(path, s.XListMapKeys, "must not contain duplicate entries")
		}
	}
	w.judgeKeysThere(s, items, at)
}

func (w *walker) judgeKeysThere(s, items *apiextensions.JSONSchemaProps, at spot) {
	if items.Nullable {
		w.forbid(at.path.Child("items", "nullable"), "cannot be nullable when x-kubernetes-list-type is map")
	}
	for _, key := range s.XListMapKeys {
		property, found := items.Properties[key]
		if !found {
			continue
		}
		path := at.path.Child("items", "properties").Key(key)
		if !slices.Contains(items.Required, key) && property.Default == nil {
			w.require(path.Child("default"), "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property")
		}
		if property.Nullable {
			w.forbid(path.Child("nullable"), "this property is in x-kubernetes-list-map-keys, so it cannot be nullable")
		}
	}
}

func valueOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
