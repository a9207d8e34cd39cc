// Package api says what an object is: how it is named, written down, defaulted,
// judged and shown. It is what the parts of a cluster have in common, for they
// meet at the API server only, over objects.
//
// # Objects
//
// An object is a Go struct of k8s.io/api with three parts: who it is (its kind
// and metadata), what is wanted of it (spec), and what has become of it
// (status). Users write the spec, controllers the status, and each leaves the
// other's alone. A custom resource has the same parts, in maps: it is an
// unstructured.Unstructured. [Object] stands for both.
//
// # Names
//
// One thing has four names, used in different places:
//
//	kind       Deployment            in the object itself: apiVersion apps/v1, kind
//	resource   deployments           in the URL: /apis/apps/v1/namespaces/NS/deployments/NAME
//	short      deploy                on kubectl's command line
//	key        /registry/deployments/NS/NAME   in the store
//
// A group (apps) holds kinds that belong together, and a version (v1) is one way
// to write them; the group of the oldest kinds, called core, has the empty name.
// Type [Resource] ties the names of a kind together, and a [Registry] finds
// resources by them.
//
// # Bytes
//
// [Scheme] maps kinds to Go types, and [Codecs] turns objects into bytes and back
// over it: JSON and YAML for people, protobuf for programs and the store.
//
//	JSON / YAML / protobuf  --Decode-->  object  --Encode-->  JSON / YAML / protobuf
//	                                       |
//	                                  EncodeStored -> store: protobuf, custom resources in JSON
//
// A protobuf object is the four bytes "k8s\0", then a message that names the
// kind and holds the object's own message. So every form says what it is, and a
// store can be read without knowing what is in it.
//
// Decoding does not fail for a field it does not know, since a newer client may
// send one; it reports it beside the object, and the server refuses, warns or
// keeps silent as the client asked (fieldValidation=Strict, Warn or Ignore).
//
// # A kind is data and rules
//
// The API server serves every kind on one path, which knows nothing of pods or
// services. What differs is in a [Resource]; a write goes through its functions
// in this order:
//
//	Default          fill in what was left out
//	(admission)      hooks of the server change the object; then Default again
//	PrepareCreate    drop what a client may not decide,
//	PrepareUpdate    keep what the server has decided
//	Validate         refuse what makes no sense
//	ValidateUpdate   refuse what may not change
//	(store)
//	Default          again on the way out, for objects older than a default
//
// A write to a subresource changes its part alone: CopyStatus and [Scale] say
// which. To add a kind of your own, write a Resource over your type, register
// the type in a scheme, and hand the server a registry that has both; package
// kinds beside this one is the collection of the built-in kinds and the place to
// look for examples.
//
// # In Kubernetes
//
// Resource is what Kubernetes calls a strategy together with a registry.Store
// and a table convertor. Kubernetes keeps an internal version of each kind and
// converts every external version to and from it; here a kind of one version
// is stored in just that, and one of several says how it is stored ([Stored]). There, most defaults and simple
// rules are generated from comments on the types; here they are written out.
//
// # Reading order
//
// resource.go is the contract; then stored.go, registry.go, scheme.go, codec.go, object.go
// and table.go. In package kinds begin with configmap.go, then pod.go.
package api
