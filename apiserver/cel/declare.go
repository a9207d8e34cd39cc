package cel

import (
	"slices"

	kubecel "k8s.io/apiserver/pkg/cel"
)

// unbounded says that a list, map or text has no greatest size that matters here.
const unbounded = -1

// TypeOf returns the type of the values that an OpenAPI v3 schema describes, in the
// maps and slices that decoded JSON has. The function find returns a schema that
// another one refers to. What may be of several types is of any. The name must be
// none that an expression could mean.
func TypeOf(name string, schema map[string]any, find func(ref string) map[string]any) *kubecel.DeclType {
	d := declarer{find: find, within: map[string]bool{}}
	return d.typeOf(schema).MaybeAssignTypeName(name)
}

// A declarer makes types of schemas.
type declarer struct {
	find   func(ref string) map[string]any
	within map[string]bool // the references that lead here, as one may lead to itself
}

func (d declarer) typeOf(schema map[string]any) *kubecel.DeclType {
	if ref, ok := reference(schema); ok {
		if d.within[ref] {
			return kubecel.DynType
		}
		d.within[ref] = true
		defer delete(d.within, ref)
		return d.typeOf(d.find(ref))
	}
	if schema["x-kubernetes-int-or-string"] == true {
		return kubecel.DynType
	}
	switch schema["type"] {
	case "object":
		return d.object(schema)
	case "array":
		items, _ := schema["items"].(map[string]any)
		return kubecel.NewListType(d.typeOf(items), unbounded)
	case "string":
		return text(schema["format"])
	case "boolean":
		return kubecel.BoolType
	case "number":
		return kubecel.DoubleType
	case "integer":
		return kubecel.IntType
	default:
		return kubecel.DynType
	}
}

// reference returns what a schema refers to, by itself or as the one part of it.
func reference(schema map[string]any) (string, bool) {
	if ref, ok := schema["$ref"].(string); ok {
		return ref, true
	}
	parts, _ := schema["allOf"].([]any)
	if len(parts) != 1 {
		return "", false
	}
	part, _ := parts[0].(map[string]any)
	ref, ok := part["$ref"].(string)
	return ref, ok
}

func text(format any) *kubecel.DeclType {
	switch format {
	case "byte":
		return kubecel.BytesType
	case "duration":
		return kubecel.DurationType
	case "date", "date-time":
		return kubecel.TimestampType
	case "int-or-string":
		return kubecel.DynType
	default:
		return kubecel.StringType
	}
}

// object is a map, or has fields. One that may have more of them is anything.
func (d declarer) object(schema map[string]any) *kubecel.DeclType {
	if values, ok := schema["additionalProperties"].(map[string]any); ok {
		return kubecel.NewMapType(kubecel.StringType, d.typeOf(values), unbounded)
	}
	properties, _ := schema["properties"].(map[string]any)
	if len(properties) == 0 || schema["x-kubernetes-preserve-unknown-fields"] == true {
		return kubecel.DynType
	}
	required, _ := schema["required"].([]any)
	fields := map[string]*kubecel.DeclField{}
	for name, property := range properties {
		described, _ := property.(map[string]any)
		if escaped, ok := kubecel.Escape(name); ok {
			fields[escaped] = kubecel.NewDeclField(escaped, d.typeOf(described), slices.Contains(required, any(name)), nil, nil)
		}
	}
	return kubecel.NewObjectType("object", fields)
}
