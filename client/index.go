package client

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/coracle-k8s/coracle/api"
)

// A cache holds objects by namespace and name, and by the values of its indexes.
// Lists are in no particular order.
type cache[T api.Object] struct {
	mu      sync.RWMutex // guards the fields below; never held during a call out
	objects map[string]map[string]T
	indexes map[string]*index[T]
}

// An index finds objects by a value that a function computes from them: pods by
// the name of their node, say.
type index[T api.Object] struct {
	values func(T) []string
	byKey  map[string]map[string]T // value -> namespace/name -> object
}

func newCache[T api.Object]() *cache[T] {
	return &cache[T]{objects: map[string]map[string]T{}, indexes: map[string]*index[T]{}}
}

func (c *cache[T]) addIndex(name string, values func(T) []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.indexes[name] != nil {
		return // a second user of the same index
	}
	c.indexes[name] = &index[T]{values: values, byKey: map[string]map[string]T{}}
}

func (c *cache[T]) get(namespace, name string) (T, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	obj, ok := c.objects[namespace][name]
	return obj, ok
}

// put stores obj and returns what was there under its name.
func (c *cache[T]) put(obj T) (old T, had bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, had = c.removeLocked(obj.GetNamespace(), obj.GetName())
	inNamespace := c.objects[obj.GetNamespace()]
	if inNamespace == nil {
		inNamespace = map[string]T{}
		c.objects[obj.GetNamespace()] = inNamespace
	}
	inNamespace[obj.GetName()] = obj
	for _, index := range c.indexes {
		index.put(obj)
	}
	return old, had
}

// remove forgets an object and returns it.
func (c *cache[T]) remove(namespace, name string) (old T, had bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.removeLocked(namespace, name)
}

func (c *cache[T]) removeLocked(namespace, name string) (old T, had bool) {
	inNamespace := c.objects[namespace]
	old, had = inNamespace[name]
	if !had {
		return old, false
	}
	delete(inNamespace, name)
	if len(inNamespace) == 0 {
		delete(c.objects, namespace)
	}
	for _, index := range c.indexes {
		index.remove(old)
	}
	return old, true
}

func (c *cache[T]) list(namespace string, selector labels.Selector) []T {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var found []T
	collect := func(objects map[string]T) {
		for _, obj := range objects {
			if selector == nil || selector.Matches(labels.Set(obj.GetLabels())) {
				found = append(found, obj)
			}
		}
	}
	if namespace != "" {
		collect(c.objects[namespace])
		return found
	}
	for _, objects := range c.objects {
		collect(objects)
	}
	return found
}

func (c *cache[T]) byIndex(name, value string) []T {
	c.mu.RLock()
	defer c.mu.RUnlock()
	index := c.indexes[name]
	if index == nil {
		panic(fmt.Sprintf("client: the informer has no index %q", name))
	}
	found := make([]T, 0, len(index.byKey[value]))
	for _, obj := range index.byKey[value] {
		found = append(found, obj)
	}
	return found
}

func (i *index[T]) put(obj T) {
	key := api.KeyOf(obj)
	for _, value := range i.values(obj) {
		if i.byKey[value] == nil {
			i.byKey[value] = map[string]T{}
		}
		i.byKey[value][key] = obj
	}
}

func (i *index[T]) remove(obj T) {
	key := api.KeyOf(obj)
	for _, value := range i.values(obj) {
		delete(i.byKey[value], key)
		if len(i.byKey[value]) == 0 {
			delete(i.byKey, value)
		}
	}
}
