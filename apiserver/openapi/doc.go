// Package openapi describes an API to its clients: which paths there are, what
// they take, what objects look like and what their fields mean. kubectl reads
// it for `explain`, to learn whether the server validates fields itself, and how
// lists merge.
//
// # From types to documents
//
// Nobody writes the description. It is made from what is there anyway:
//
//	api.Resource ──── verbs, names, scope ────────> paths      (paths.go, operation.go)
//	Go types of     ┌ json tags ──────────────────> properties (schema.go)
//	k8s.io/api      ├ SwaggerDoc methods ─────────> descriptions
//	                ├ patchStrategy tags          ┐
//	                └ package apply's tables ─────┴> x-kubernetes-… extensions
//	constants of the types ───────────────────────> enums      (enums.go)
//	Resource.Schema of a custom kind ─────────────> properties (custom.go)
//
// # Two versions
//
// OpenAPI v3 has one document for each group's version, so that a client reads
// only what it needs, and may keep it for good by its hash (KEP-2896). OpenAPI v2
// is one document for all, for older clients. It is made from the documents of v3
// by leaving out what v2 cannot say (v2.go). Both are JSON, or protobuf for
// programs.
//
// # When
//
// [Documents] makes a document when somebody first asks for it, and keeps it
// compressed: a server that nobody asks pays nothing. When the resources
// change, the documents of the versions that changed are made anew.
//
// # In Kubernetes
//
// A generator writes a Go file of 70,000 lines with the schema of every type,
// from the comments of the sources, and go-restful's routes give the paths.
// Whether a field is required, its default and its enum are comments there, so
// here a field is required that is always written.
//
// # Reading order
//
// documents.go, serve.go, schema.go, paths.go, operation.go, v2.go.
package openapi
