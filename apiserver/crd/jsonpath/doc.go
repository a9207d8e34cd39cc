// Package jsonpath finds values in a custom object by a path, such as that of a
// printer column:
//
//	.spec.replicas                                  a field
//	.metadata.annotations['example.org/color']      a field whose name has dots
//	.spec.ports[0].port   .spec.ports[-1]           elements, counted from either end
//	.spec.ports[0:2]      .spec.ports[*].port       several of them, or all
//	.status.conditions[?(@.type=="Ready")].status   those that fulfil something
//	..image                                         at any depth
//
// [Parse] reads a path once; [Path.Find] then follows it in JSON values, as
// encoding/json and unstructured.Unstructured have them, which it only reads. What
// is not there is not found; a path is never an error once it has been parsed.
//
// # In Kubernetes
//
// The same language is package util/jsonpath of client-go, which also has
// templates with texts and ranges around the paths. This is the part that
// definitions of custom resources use.
//
// Reading order: parse.go, find.go.
package jsonpath
