package apiserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/store"
)

// A Storage keeps objects in a store: it encodes them, decodes them and caches
// them. It comes before the server, because authorizers, admission hooks and
// connectors, which a server is made of, read through it; see [Storage.Objects].
//
// It is safe for concurrent use. Reads from its cache wait until it runs, which
// [Server.Run] sees to.
type Storage struct {
	store     store.Store
	resources api.Registry
	codec     *api.Codec
	cache     *cache
	written   *ownWrites
	fields    trackers
}

// NewStorage returns the storage of the given resources in st, which stays the
// caller's to close. A nil log discards.
func NewStorage(st store.Store, resources api.Registry, log *slog.Logger) *Storage {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Storage{store: st, resources: resources, codec: api.Codecs(), written: &ownWrites{}}
	s.fields.resources, s.fields.has = resources, s.has
	s.cache = newCache(st, s.decode, s.has, log)
	return s
}

// A changing registry is one whose resources come and go. The cache asks it
// whether one is still there before it keeps objects of it.
type changing interface {
	Has(r *api.Resource) bool
}

// has says whether a resource is in the registry.
func (s *Storage) has(r *api.Resource) bool {
	registry, ok := s.resources.(changing)
	return !ok || registry.Has(r)
}

// Resources returns the registry given to NewStorage.
func (s *Storage) Resources() api.Registry { return s.resources }

// Run keeps the cache up to date until ctx ends. [Server.Run] calls it; call it
// yourself, once, only for a storage without a server.
func (s *Storage) Run(ctx context.Context) error { return s.cache.run(ctx) }

// Ready is closed when the cache follows the store.
func (s *Storage) Ready() <-chan struct{} { return s.cache.ready }

// A state is an object as the store has it.
type state struct {
	object   api.Object // shared, not to be changed
	value    []byte     // its stored form
	revision int64
	stale    bool // to be written even if nothing changes
}

// read returns the object's newest state, straight from the store, or
// store.ErrNotFound. It need not decode what the cache already has.
func (s *Storage) read(ctx context.Context, r *api.Resource, namespace, name string) (state, error) {
	kv, _, err := s.store.Get(ctx, r.Key(namespace, name), 0)
	if err != nil {
		return state{}, err
	}
	if obj := s.cache.objectAt(r, kv.Key[len(r.Prefix()):], kv.ModRevision); obj != nil {
		return state{object: obj, value: kv.Value, revision: kv.ModRevision, stale: kv.Stale}, nil
	}
	return s.stateOf(ctx, r, kv)
}

func (s *Storage) stateOf(ctx context.Context, r *api.Resource, kv store.KeyValue) (state, error) {
	obj, err := s.decode(ctx, r, kv)
	return state{object: obj, value: kv.Value, revision: kv.ModRevision, stale: kv.Stale}, err
}

// entry returns the state as the cache would have it.
func (s state) entry(r *api.Resource, key string) *entry {
	e := newEntry(r, key[len(r.Prefix()):], s.revision, s.object)
	e.encoding.stored = s.value
	return e
}

// create stores a new object and sets its resourceVersion. A name that is
// taken gives store.ErrExists.
func (s *Storage) create(ctx context.Context, r *api.Resource, obj api.Object) (state, error) {
	value, err := s.encode(ctx, r, obj)
	if err != nil {
		return state{}, err
	}
	revision, err := s.store.Create(ctx, r.Key(obj.GetNamespace(), obj.GetName()), value, ttlOf(r, obj))
	if err != nil {
		return state{}, err
	}
	return s.wrote(r, obj, value, revision), nil
}

// wrote is the state that a write has led to.
func (s *Storage) wrote(r *api.Resource, obj api.Object, value []byte, revision int64) state {
	setRevision(obj, revision)
	if r.Stored == nil { // else what is stored is another form of it
		s.written.add(revision)
	}
	return state{object: obj, value: value, revision: revision}
}

// replace stores obj in the place of old and sets its resourceVersion. Where
// the two are the same it writes nothing, unless that should be written anew. If old is no longer the newest state,
// it returns that, with store.ErrConflict.
func (s *Storage) replace(ctx context.Context, r *api.Resource, obj api.Object, old state) (state, error) {
	value, err := s.encode(ctx, r, obj)
	if err != nil {
		return state{}, err
	}
	if string(value) == string(old.value) && !old.stale {
		setRevision(obj, old.revision)
		return state{object: obj, value: value, revision: old.revision}, nil
	}
	key := r.Key(old.object.GetNamespace(), old.object.GetName())
	revision, err := s.store.Update(ctx, key, value, old.revision, ttlOf(r, obj))
	if err != nil {
		return s.newer(ctx, r, err)
	}
	return s.wrote(r, obj, value, revision), nil
}

// remove deletes the object whose state is old and returns the revision of the
// deletion. Errors are those of replace.
func (s *Storage) remove(ctx context.Context, r *api.Resource, old state) (state, int64, error) {
	key := r.Key(old.object.GetNamespace(), old.object.GetName())
	_, revision, err := s.store.Delete(ctx, key, old.revision)
	if err != nil {
		newest, err := s.newer(ctx, r, err)
		return newest, 0, err
	}
	return old, revision, nil
}

// newer returns the state that a conflict error carries, beside the error.
func (s *Storage) newer(ctx context.Context, r *api.Resource, err error) (state, error) {
	conflict, ok := errors.AsType[*store.ConflictError](err)
	if !ok {
		return state{}, err
	}
	current, decodeErr := s.stateOf(ctx, r, conflict.Current)
	if decodeErr != nil {
		return state{}, decodeErr
	}
	return current, err
}

// encode returns the stored form of an object, which has no resourceVersion.
func (s *Storage) encode(ctx context.Context, r *api.Resource, obj api.Object) ([]byte, error) {
	revision := obj.GetResourceVersion()
	obj.SetResourceVersion("")
	defer obj.SetResourceVersion(revision)
	kept := obj
	if r.Stored != nil {
		var err error
		if kept, err = r.Stored.To(ctx, obj); err != nil {
			return nil, fmt.Errorf("convert %s %s to its stored form: %w", r.Plural, obj.GetName(), err)
		}
	}
	return s.codec.EncodeStored(kept)
}

// decode makes the object of a stored value: as its kind, with its defaults and
// its revision. A built-in object does not repeat its kind, as in Kubernetes'
// lists; encoding puts it back.
func (s *Storage) decode(ctx context.Context, r *api.Resource, kv store.KeyValue) (api.Object, error) {
	obj, err := s.decodeKept(r, kv)
	if err == nil && r.Stored != nil {
		obj, err = r.Stored.From(ctx, obj)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kv.Key, err)
	}
	if err := complete(r, obj, kv.ModRevision); err != nil {
		return nil, fmt.Errorf("%s: %w", kv.Key, err)
	}
	return obj, nil
}

// decodeKept makes an object in its stored form.
func (s *Storage) decodeKept(r *api.Resource, kv store.KeyValue) (api.Object, error) {
	into := r.New()
	if r.Stored != nil {
		into = r.Stored.New()
	}
	if len(kv.Value) == 0 { // see package sealed
		return nil, errors.New("it is empty, or encrypted with a key that is missing")
	}
	found, err := s.codec.DecodeStored(kv.Value, into)
	if err != nil {
		return nil, err
	}
	obj, ok := found.(api.Object)
	if !ok || reflect.TypeOf(found) != reflect.TypeOf(into) {
		return nil, fmt.Errorf("holds a %T, not the %T of a %s", found, into, r.Kind)
	}
	return obj, nil
}

// isCustom says whether the resource's objects have no Go type of their own.
func isCustom(r *api.Resource) bool { return r.Schema != nil }

// fit makes an object that was decoded, or changed by others, one of its kind.
func fit(r *api.Resource, obj api.Object) error {
	forgetKind(obj)
	if r.Prune == nil {
		return nil
	}
	_, err := r.Prune(obj)
	return err
}

// forgetKind clears the kind of a typed object.
func forgetKind(obj api.Object) {
	if _, custom := obj.(*unstructured.Unstructured); !custom {
		obj.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	}
}

func setRevision(obj api.Object, revision int64) {
	obj.SetResourceVersion(formatRevision(revision))
}

func formatRevision(revision int64) string { return strconv.FormatInt(revision, 10) }

func ttlOf(r *api.Resource, obj api.Object) time.Duration {
	if r.TTLSeconds == nil {
		return 0
	}
	return time.Duration(r.TTLSeconds(obj)) * time.Second
}

// withRevision returns obj at another revision. It copies no more than it must:
// what the metadata points to stays shared.
func withRevision(obj api.Object, revision int64) api.Object {
	shallow := shallowCopy(obj)
	setRevision(shallow, revision)
	return shallow
}

// shallowCopy returns an object whose metadata fields can be set without
// changing obj. Maps and slices are shared and must not be written to.
func shallowCopy(obj api.Object) api.Object {
	custom, ok := obj.(*unstructured.Unstructured)
	if !ok {
		pointer := reflect.New(reflect.TypeOf(obj).Elem())
		pointer.Elem().Set(reflect.ValueOf(obj).Elem())
		return pointer.Interface().(api.Object)
	}
	content := make(map[string]any, len(custom.Object))
	for k, v := range custom.Object {
		content[k] = v
	}
	if metadata, ok := content["metadata"].(map[string]any); ok {
		inner := make(map[string]any, len(metadata))
		for k, v := range metadata {
			inner[k] = v
		}
		content["metadata"] = inner
	}
	return &unstructured.Unstructured{Object: content}
}

// keyOf returns an object's key below its kind's prefix.
func keyOf(r *api.Resource, namespace, name string) string {
	return r.Key(namespace, name)[len(r.Prefix()):]
}

// keyPrefix is what the keys of a namespace's objects begin with, below the
// kind's prefix. An empty namespace is all of them.
func keyPrefix(r *api.Resource, namespace string) string {
	if !r.Namespaced || namespace == "" {
		return ""
	}
	return namespace + "/"
}

// splitKey takes a key below its kind's prefix apart.
func splitKey(r *api.Resource, key string) (namespace, name string) {
	if !r.Namespaced {
		return "", key
	}
	namespace, name, _ = strings.Cut(key, "/")
	return namespace, name
}
