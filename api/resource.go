package api

import (
	"context"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// An Object is any object the API serves: a typed struct of k8s.io/api, or an
// unstructured one for a custom resource.
type Object interface {
	metav1.Object
	runtime.Object
}

// A Resource describes one kind of object as data and rules: all that the
// generic path of the API server must know to serve it. A kind of our own is
// added by writing such a value; no code of the server changes.
//
// The functions may be nil, which means there is no such rule. They get objects
// they may change only where their comment says so, and are called
// concurrently. Write them over the concrete type with [Do], [Check] and [Pair].
type Resource struct {
	// Group, Version and Kind name the type, Plural the path segment.
	schema.GroupVersionKind
	Plural     string
	Singular   string
	ShortNames []string
	// Categories are kubectl's collective names, such as "all".
	Categories []string
	Namespaced bool

	// New returns an empty object, NewList an empty list of them.
	New     func() Object
	NewList func() runtime.Object

	// Schema returns the OpenAPI v3 schema of the kind's objects, as a
	// CustomResourceDefinition has it, in the maps, slices and numbers that
	// decoded JSON has; the caller does not change it. Documents of the API
	// add apiVersion, kind and metadata. Nil for kinds with a Go type, which
	// are described by that. A resource whose schema changes is another
	// resource: the documents are made anew when the registry has another pointer.
	Schema func() map[string]any

	// StorageKey is the key segment below /registry/, by default
	// Group/Plural, or Plural alone for the core group. Resources that share
	// one are two forms of the same objects.
	StorageKey string
	// Stored is how objects are kept; nil means in the form they are served in.
	Stored *Stored

	// Made says that the objects are those of another resource, made into this
	// one's form when somebody reads them; nil for all whose objects are kept as
	// they are served, or are quickly converted by Stored.
	Made *Made

	// Prune makes a decoded object fit the kind, in place, and returns the paths
	// of the fields it has dropped because the kind does not have them. It is for
	// kinds without a Go type; for others the decoder sees to that.
	Prune func(obj Object) (dropped []string, err error)
	// Default fills in, in place, what the client left out. It is applied to
	// what clients send and to what the store returns.
	Default func(obj Object)
	// PrepareCreate and PrepareUpdate change obj in place to drop what a
	// client may not decide, such as the status. Generic metadata is not their
	// business; nor is status, where CopyStatus is given.
	PrepareCreate func(obj Object)
	PrepareUpdate func(obj, old Object)
	// Validate judges an object to be created or, with the rules of
	// ValidateUpdate on top, to replace old. Metadata is validated by the server,
	// which uses ValidateName for the name (nil: a DNS subdomain).
	Validate       func(obj Object) field.ErrorList
	ValidateUpdate func(obj, old Object) field.ErrorList
	// ValidateCreate are rules on top for an object to be created.
	ValidateCreate func(obj Object) field.ErrorList
	ValidateName   func(name string, prefix bool) []string
	// PrepareStatus is PrepareUpdate for a write through the status subresource.
	PrepareStatus func(obj, old Object)
	// Warnings returns what to tell the client about an object that is in
	// order and about to be written; old is nil for a create.
	Warnings func(obj, old Object) []string
	// UpdateAlone says that ValidateUpdate judges an update by itself, without
	// Validate, as a kind does that puts up with old faults that stay as they are.
	UpdateAlone bool
	// ValidateStatus judges a write through the status subresource.
	ValidateStatus func(obj, old Object) field.ErrorList

	// CopyStatus makes src's status dst's. Giving it makes the status
	// subresource: then the main path keeps the stored status and the status
	// path keeps everything else. A create starts with the status of New(),
	// which PrepareCreate, called after that, may fill in.
	CopyStatus func(dst, src Object)
	// StatusAlone says that a write of the status does not change labels,
	// annotations, finalizers and owners, as it does for most kinds; StatusKeeps
	// names those of them that it does not change, such as "labels".
	StatusAlone bool
	StatusKeeps []string
	// Parts are further parts of an object that have a subresource of their
	// own, as the status has.
	Parts []Part
	// Generation says that metadata.generation counts the changes of the
	// object other than those of its metadata and status.
	Generation bool
	// GenerationChanged, if given, decides instead whether an update counts.
	GenerationChanged func(obj, old Object) bool
	// Finalize is for kinds whose objects hold back their own deletion by more
	// than metadata.finalizers, as a namespace does. Nil for all others.
	Finalize *Finalize
	// Scale is the scale subresource, if there is one.
	Scale *Scale
	// Subresources lists the further ones, which the server has code for.
	Subresources []Subresource

	// GracePeriod returns the seconds between a deletion and the end of obj
	// when the client asks for `asked` (nil: the default). Nil or zero means at once.
	GracePeriod func(obj Object, asked *int64) int64
	// BeginDelete changes obj in place when its deletion begins, before anybody
	// asks what holds it.
	BeginDelete func(obj Object)
	// DeletePropagation is what a delete without a policy does to
	// dependents, by default Background.
	DeletePropagation metav1.DeletionPropagation
	// DeleteWarning is told to clients that delete without a policy.
	DeleteWarning string
	// DeleteReturnsObject makes a completed delete return the object
	// rather than a Status.
	DeleteReturnsObject bool
	// CreateOnUpdate lets PUT create what is not there.
	CreateOnUpdate bool
	// NoUnconditionalUpdate refuses a PUT without a resourceVersion.
	NoUnconditionalUpdate bool
	// TTLSeconds returns after how many seconds the store forgets obj; nil
	// or zero means never. Events use it.
	TTLSeconds func(obj Object) int64
	// Deprecated is the warning that comes with every answer of an old version.
	Deprecated string
	// AnyFinalizer lets finalizers have names without a domain, which built-in
	// kinds else refuse.
	AnyFinalizer bool
	// DeprecationWarning, if any, goes with every answer about the resource.
	DeprecationWarning string
	// Verbs the resource supports; nil means all of get, list, watch,
	// create, update, patch, delete and deletecollection.
	Verbs []string

	// SaidAs is the kind that errors name instead of this one; the zero value
	// means that they name this one.
	SaidAs schema.GroupKind

	// Fields returns what field selectors can ask for, besides
	// metadata.name and metadata.namespace.
	Fields func(obj Object) fields.Set
	// FieldNames are the keys that Fields returns.
	FieldNames []string
	// UnknownField is what is said of a selector for another field, with %s for
	// its name; empty for what is said for most kinds.
	UnknownField string
	// Columns are all the columns kubectl prints, in their order; nil means
	// name and age. Ask [Resource.TableColumns] for them.
	Columns []Column
	// RowConditions marks a row, such as that of a pod that has ended.
	RowConditions func(obj Object) []metav1.TableRowCondition

	// Virtual says that objects of the kind are questions, answered by code of
	// the server when they are created, such as a TokenReview. They are not
	// stored; their Verbs are create alone.
	Virtual bool
}

// Made describes a conversion that may take long, or fail, since somebody else
// does it. The server calls it where a client waits for the outcome, and never where others
// would have to wait as well.
type Made struct {
	// Of is the resource with the objects in the form they are stored in. It
	// need not be served.
	Of *Resource
	// Convert returns the objects in this resource's form, as many, in the same
	// order. It does not change those it is given.
	Convert func(ctx context.Context, objects []Object) ([]Object, error)
}

// A Column is one column of a kind's table.
type Column struct {
	Name        string
	Type        string // an OpenAPI type: "string", "integer", "date"
	Format      string
	Description string
	// Priority 0 is shown always, a greater one with `kubectl get -o wide`.
	Priority int32
	// Value returns the cell: a string, an int64 or a bool.
	Value func(obj Object) any
}

// Scale reads and writes the number of replicas behind a kind's scale subresource.
type Scale struct {
	Get func(obj Object) *autoscalingv1.Scale
	// Set changes obj's wanted number of replicas in place.
	Set func(obj Object, replicas int32)
}

// Finalize describes finalizers outside an object's metadata, such as a
// namespace's spec.finalizers, and makes the finalize subresource for them.
type Finalize struct {
	// Held says whether obj, once deleted, still has to stay.
	Held func(obj Object) bool
	// Begin changes obj in place when its deletion begins.
	Begin func(obj Object)
	// Copy makes src's finalizers dst's: all that a write to the finalize
	// subresource changes, and that no other write does.
	Copy func(dst, src Object)
}

// A Part is a piece of an object that has a path of its own, such as the approval
// of a certificate signing request.
type Part struct {
	Name string
	// Copy makes src's part dst's: all that a write to the path changes.
	Copy func(dst, src Object)
	// Prepare, which may be nil, changes obj in place as PrepareUpdate does.
	Prepare func(obj, old Object)
	// Validate judges such a write.
	Validate func(obj, old Object) field.ErrorList
}

// A Subresource is a path below an object, such as pods/binding, as discovery
// shows it.
type Subresource struct {
	Name string
	schema.GroupVersionKind
	Verbs []string
}

// GroupVersionResource returns the resource's full name.
func (r *Resource) GroupVersionResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: r.Group, Version: r.Version, Resource: r.Plural}
}

// GroupResource returns the resource's name without its version.
func (r *Resource) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.Group, Resource: r.Plural}
}

// SaidKind returns the kind that errors name.
func (r *Resource) SaidKind() schema.GroupKind {
	if r.SaidAs != (schema.GroupKind{}) {
		return r.SaidAs
	}
	return r.GroupVersionKind.GroupKind()
}

// Prefix returns the key below which the resource's objects are stored, with a
// slash at its end. The layout is Kubernetes' own, so that kube-apiserver finds
// its way in our store and we in its.
func (r *Resource) Prefix() string {
	switch {
	case r.StorageKey != "":
		return "/registry/" + r.StorageKey + "/"
	case r.Group == "":
		return "/registry/" + r.Plural + "/"
	default:
		return "/registry/" + r.Group + "/" + r.Plural + "/"
	}
}

// Key returns the store's key of one object.
func (r *Resource) Key(namespace, name string) string {
	if r.Namespaced {
		return r.Prefix() + namespace + "/" + name
	}
	return r.Prefix() + name
}

// Do makes a rule over one concrete type into a rule over objects. It is for
// rules that change their object in place.
func Do[T Object](f func(T)) func(Object) {
	return func(obj Object) { f(obj.(T)) }
}

// Pair is [Do] for rules that look at two objects of the type.
func Pair[T Object](f func(a, b T)) func(a, b Object) {
	return func(a, b Object) { f(a.(T), b.(T)) }
}

// Check makes validation of one concrete type into one over objects.
func Check[T Object](f func(T) field.ErrorList) func(Object) field.ErrorList {
	return func(obj Object) field.ErrorList { return f(obj.(T)) }
}

// CheckPair is [Check] for an object and the one it would replace.
func CheckPair[T Object](f func(obj, old T) field.ErrorList) func(obj, old Object) field.ErrorList {
	return func(obj, old Object) field.ErrorList { return f(obj.(T), old.(T)) }
}

// Value makes a function of one concrete type into one over objects.
func Value[T Object, V any](f func(T) V) func(Object) V {
	return func(obj Object) V { return f(obj.(T)) }
}

// Cell is [Value] for the cells of a [Column].
func Cell[T Object, V any](f func(T) V) func(Object) any {
	return func(obj Object) any { return f(obj.(T)) }
}

// A Registry finds resources by their names. It is safe for concurrent use; a
// resource found in it must not be changed.
type Registry interface {
	// Resource returns the resource at a path, or nil.
	Resource(gvr schema.GroupVersionResource) *Resource
	// ForKind returns the resource that serves a kind, or nil.
	ForKind(gvk schema.GroupVersionKind) *Resource
	// All returns every resource, in the order that discovery shows them.
	All() []*Resource
}
