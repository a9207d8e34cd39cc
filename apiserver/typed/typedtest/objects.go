package typedtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
)

// Objects is an [apiserver.Objects] in memory. It is safe for concurrent use.
type Objects struct {
	mu       sync.Mutex // guards the fields below
	revision int64
	objects  map[string]api.Object
}

var _ apiserver.Objects = (*Objects)(nil)

// New returns a store that has the given objects of built-in kinds in it. It
// panics on any other object.
func New(objs ...api.Object) *Objects {
	o := &Objects{objects: map[string]api.Object{}}
	for _, obj := range objs {
		gvk, err := api.KindOf(obj)
		if err != nil {
			panic(err)
		}
		r := kinds.Registry().ForKind(gvk)
		if _, err := o.Create(context.Background(), r, obj); err != nil {
			panic(err)
		}
	}
	return o
}

// Get implements apiserver.Objects.
func (o *Objects) Get(ctx context.Context, r *api.Resource, namespace, name string) (api.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	obj := o.objects[r.Key(namespace, name)]
	if obj == nil {
		return nil, apierrors.NewNotFound(r.GroupResource(), name)
	}
	return obj, nil
}

// List implements apiserver.Objects, sorted by key.
func (o *Objects) List(ctx context.Context, r *api.Resource, namespace string) ([]api.Object, error) {
	prefix := r.Prefix()
	if namespace != "" {
		prefix += namespace + "/"
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var keys []string
	for key := range o.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var list []api.Object
	for _, key := range keys {
		list = append(list, o.objects[key])
	}
	return list, nil
}

// Create implements apiserver.Objects. It gives the object a uid if it has none.
func (o *Objects) Create(ctx context.Context, r *api.Resource, obj api.Object) (api.Object, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := r.Key(obj.GetNamespace(), obj.GetName())
	if o.objects[key] != nil {
		return nil, apierrors.NewAlreadyExists(r.GroupResource(), obj.GetName())
	}
	stored := api.Clone(obj)
	if stored.GetUID() == "" {
		stored.SetUID(types.UID(fmt.Sprintf("uid-%d", o.revision+1)))
	}
	o.putLocked(key, stored)
	return stored, nil
}

// Modify implements apiserver.Objects: optimistically, as a real store does,
// so that change may run more than once.
func (o *Objects) Modify(ctx context.Context, r *api.Resource, namespace, name string, change func(api.Object) error) (api.Object, error) {
	key := r.Key(namespace, name)
	for {
		old, err := o.Get(ctx, r, namespace, name)
		if err != nil {
			return nil, err
		}
		changed := api.Clone(old)
		if err := change(changed); err != nil {
			return nil, err
		}
		if o.replace(key, old, changed) {
			return changed, nil
		}
	}
}

func (o *Objects) replace(key string, old, changed api.Object) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.objects[key] != old {
		return false
	}
	o.putLocked(key, changed)
	return true
}

// Delete implements apiserver.Objects.
func (o *Objects) Delete(ctx context.Context, r *api.Resource, namespace, name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := r.Key(namespace, name)
	if o.objects[key] == nil {
		return apierrors.NewNotFound(r.GroupResource(), name)
	}
	o.revision++
	delete(o.objects, key)
	return nil
}

func (o *Objects) putLocked(key string, obj api.Object) {
	o.revision++
	obj.SetResourceVersion(strconv.FormatInt(o.revision, 10))
	o.objects[key] = obj
}
