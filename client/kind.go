package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
)

// A Kind reads and writes the objects of one kind. It is safe for concurrent
// use and cheap to make. Objects it returns belong to the caller and always say
// their apiVersion and kind. The namespace is "" for kinds that have none and,
// in lists and watches, for all namespaces.
//
// Errors of the server are *apierrors.StatusError: ask with apierrors.IsNotFound,
// IsConflict, IsAlreadyExists, IsInvalid and so on. When the server cannot be
// reached they satisfy errors.Is(err, [ErrNoServer]).
type Kind[T api.Object] struct {
	client   *Client
	resource *api.Resource
	form     form
}

// For returns the typed client of T, a pointer to a struct such as *corev1.Pod.
// It panics if the client's kinds do not know T, since only a mistake in the
// program leads there.
func For[T api.Object](c *Client) *Kind[T] {
	want := reflect.TypeFor[T]()
	for _, resource := range c.kinds.All() {
		if resource.New != nil && reflect.TypeOf(resource.New()) == want {
			return &Kind[T]{client: c, resource: resource}
		}
	}
	panic(fmt.Sprintf("client.For: no kind is represented by %s", want))
}

// Metadata returns a client of any kind, such as one found by
// [Client.Discover], which sees only the metadata of objects: the way to work
// over all kinds at once. It cannot create or update.
func Metadata(c *Client, resource *api.Resource) *Kind[*metav1.PartialObjectMetadata] {
	return &Kind[*metav1.PartialObjectMetadata]{client: c, resource: resource, form: metadataOnly}
}

// Dynamic returns a client of any kind that sees objects as maps, for kinds that
// the program has no Go type for.
func Dynamic(c *Client, resource *api.Resource) *Kind[*unstructured.Unstructured] {
	return &Kind[*unstructured.Unstructured]{client: c, resource: resource, form: dynamic}
}

// Resource describes the kind. It must not be changed.
func (k *Kind[T]) Resource() *api.Resource { return k.resource }

// Client returns the client that the kind sends its requests with.
func (k *Kind[T]) Client() *Client { return k.client }

// Get returns one object; a missing one is apierrors.IsNotFound.
func (k *Kind[T]) Get(ctx context.Context, namespace, name string) (T, error) {
	return k.one(ctx, http.MethodGet, k.path(namespace, name), nil)
}

// ListOptions choose what a list or a deletion of many touches.
type ListOptions struct {
	LabelSelector, FieldSelector string
	// ResourceVersion "" reads the latest state; "0" any cached one; else one
	// at least that new.
	ResourceVersion string
	// Limit is the greatest number of objects in a page; zero means all at once.
	Limit int64
	// Continue is List.Continue of the page before.
	Continue string
}

// A List is one page of objects.
type List[T any] struct {
	Items []T
	// ResourceVersion is the state that the list shows: a watch from here
	// misses nothing.
	ResourceVersion string
	// Continue, if not empty, asks for the next page.
	Continue string
	// Remaining is the number of objects after this page, if the server says so.
	Remaining *int64
}

func (o ListOptions) query() url.Values {
	query := url.Values{}
	set(query, "labelSelector", o.LabelSelector)
	set(query, "fieldSelector", o.FieldSelector)
	set(query, "resourceVersion", o.ResourceVersion)
	set(query, "continue", o.Continue)
	if o.Limit > 0 {
		query.Set("limit", strconv.FormatInt(o.Limit, 10))
	}
	return query
}

func set(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}

// List returns the objects of a namespace, or of all with "".
func (k *Kind[T]) List(ctx context.Context, namespace string, opts ListOptions) (*List[T], error) {
	path := k.path(namespace, "")
	a, err := k.client.roundTrip(ctx, request{method: http.MethodGet, path: path, query: opts.query(), accept: k.accept(true)})
	if err != nil {
		return nil, err
	}
	list, err := k.decodeList(a)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", k.resource.Plural, err)
	}
	return list, nil
}

// Create stores a new object and returns it as stored.
func (k *Kind[T]) Create(ctx context.Context, obj T) (T, error) {
	return k.one(ctx, http.MethodPost, k.path(obj.GetNamespace(), ""), obj)
}

// Update replaces the object, but for its status where that is a subresource.
// If obj has a resourceVersion, somebody else's change since then makes it fail
// with apierrors.IsConflict.
func (k *Kind[T]) Update(ctx context.Context, obj T) (T, error) {
	return k.one(ctx, http.MethodPut, k.path(obj.GetNamespace(), obj.GetName()), obj)
}

// UpdateStatus replaces the object's status and nothing else.
func (k *Kind[T]) UpdateStatus(ctx context.Context, obj T) (T, error) {
	return k.one(ctx, http.MethodPut, k.path(obj.GetNamespace(), obj.GetName(), "status"), obj)
}

// Patch changes the object, or a subresource of it, on the server. Which patch
// types a kind takes is the server's to say.
func (k *Kind[T]) Patch(ctx context.Context, namespace, name string, pt types.PatchType, data []byte, subresource ...string) (T, error) {
	return k.send(ctx, request{
		method: http.MethodPatch, path: k.path(namespace, name, subresource...),
		body: data, contentType: string(pt), accept: k.accept(false),
	})
}

// Subresource talks to a subresource that has a kind of its own: scale, binding,
// eviction, token, finalize. The verb is an HTTP method; in is sent and may be
// nil; out receives the answer and may be nil.
func (k *Kind[T]) Subresource(ctx context.Context, verb, namespace, name, sub string, in, out runtime.Object) error {
	req := request{method: verb, path: k.path(namespace, name, sub), accept: acceptBuiltin}
	if k.client.json {
		req.accept = api.JSON
	}
	if in != nil {
		if err := req.setBody(in, k.bodyType(in)); err != nil {
			return fmt.Errorf("%s of %s: %w", sub, k.resource.Kind, err)
		}
	}
	a, err := k.client.roundTrip(ctx, req)
	if err != nil || out == nil {
		return err
	}
	return a.decode(out)
}

// one sends a request whose body and answer are one object of the kind.
func (k *Kind[T]) one(ctx context.Context, method, path string, body runtime.Object) (T, error) {
	req := request{method: method, path: path, accept: k.accept(false)}
	if body != nil {
		if k.form == metadataOnly {
			var none T
			return none, fmt.Errorf("write %s: a metadata client can only patch and delete", k.resource.Kind)
		}
		if err := req.setBody(body, k.bodyType(body)); err != nil {
			var none T
			return none, fmt.Errorf("write %s: %w", k.resource.Kind, err)
		}
	}
	return k.send(ctx, req)
}

func (k *Kind[T]) send(ctx context.Context, req request) (T, error) {
	var none T
	a, err := k.client.roundTrip(ctx, req)
	if err != nil {
		return none, err
	}
	obj, err := k.decode(a.mediaType, a.body)
	if err != nil {
		return none, fmt.Errorf("read answer about %s: %w", k.resource.Kind, err)
	}
	return obj, nil
}

// path returns the URL path of the kind, of one object, or of a subresource.
func (k *Kind[T]) path(namespace, name string, subresource ...string) string {
	path := "/apis/" + k.resource.Group + "/" + k.resource.Version
	if k.resource.Group == "" {
		path = "/api/" + k.resource.Version
	}
	if k.resource.Namespaced && namespace != "" {
		path += "/namespaces/" + namespace
	}
	path += "/" + k.resource.Plural
	if name != "" {
		path += "/" + name
	}
	for _, sub := range subresource {
		path += "/" + sub
	}
	return path
}
