// Package crd makes kinds at run time: who stores a CustomResourceDefinition
// gets a kind of their own, served like any other.
//
//	CustomResourceDefinition ──▶ Controller ──▶ Registry ──▶ the API server's one path
//	   spec: names, versions       │   ▲          api.Resource for each served version
//	   status: accepted,           │   │
//	           established ◀───────┘   └─ Storage.Follow
//
// # What a definition becomes
//
// Package apiserver serves whatever its registry holds, and what a kind is stands in
// its [api.Resource]. So a definition needs no code of the server, only such a
// value for each version that it serves, over objects that are maps
// (unstructured.Unstructured). The rules in it come from the version's
// structural schema, an OpenAPI schema that says of every field what it is:
//
//	Prune           drops what the schema does not name, in requests, after the
//	                admission's changes, and in what the store returns
//	Default         fills in the schema's defaults, in the same places
//	Validate        types, required fields, enums, patterns, bounds; lists that
//	                are sets or maps; then x-kubernetes-validations in CEL
//	ValidateUpdate  the same beside the old object: transition rules, and
//	                faults that were there before are put up with (ratcheting)
//
// # The life of a definition
//
//  1. Its names are compared with those that others of the group have accepted. What
//     is free is accepted; the condition NamesAccepted says whether all is.
//  2. Then the condition Established is set, and the kind is served.
//  3. A change of the spec makes new resources in the old ones' place. Their
//     watches end, and clients come back to the new ones.
//  4. A deletion only marks the definition: a finalizer keeps it until its
//     objects are gone, which the [Controller] deletes; nobody may create new ones.
//     Then the kind disappears, and its names are free.
//
// Everything goes through the stored definition and its conditions, so several API
// servers over one store agree, whoever has set them.
//
// # Versions
//
// Each served version is a resource of its own over the same objects. Where a
// webhook converts between them, objects are kept in the cache as they are
// stored and made into a version's form when they are read ([api.Made]), by whoever
// reads them: a webhook may be slow, and must not hold up others.
//
// # In Kubernetes
//
// This is the apiextensions-apiserver, a server of its own in the chain of
// kube-apiserver, with controllers for naming, establishing, finalizing and
// publishing schemas. The libraries for structural schemas, pruning, defaulting
// and CEL are the same here; the validation of definitions is written anew.
//
// # Reading order
//
// registry.go and controller.go with names.go and cleanup.go; then resource.go
// with schema.go, which make the kind, and stored.go with convert.go, which
// bring its versions together; validate.go judges definitions.
package crd
