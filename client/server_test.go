package client_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// A server speaks just enough of the protocol to test a client against: the
// config maps of one cluster, with their history for watches.
type server struct {
	proto       bool // answer in protobuf
	noWatchList bool // refuse sendInitialEvents, as older servers do

	mu      sync.Mutex
	version int
	objects map[string]*corev1.ConfigMap
	history []change
	oldest  int // versions before are forgotten
	changed chan struct{}
	closing chan struct{} // closed to end all watches
	lists   int
	watches int
}

type change struct {
	version int
	kind    watch.EventType
	object  *corev1.ConfigMap
}

func newServer() *server {
	return &server{version: 1, objects: map[string]*corev1.ConfigMap{}, changed: make(chan struct{}), closing: make(chan struct{})}
}

func (s *server) client(t *testing.T) *client.Client {
	c, err := client.New(client.Config{BaseURL: "http://test", Transport: client.InMemory(s)})
	require.NoError(t, err)
	return c
}

// set creates or changes a config map.
func (s *server) set(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	kind, uid := watch.Added, types.UID("uid-"+name+strconv.Itoa(s.version))
	if old := s.objects[name]; old != nil {
		kind, uid = watch.Modified, old.UID
	}
	obj := configMap(name, value)
	obj.UID = uid
	obj.ResourceVersion = strconv.Itoa(s.version)
	s.objects[name] = obj
	s.record(kind, obj)
}

func (s *server) delete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	obj := s.objects[name].DeepCopy()
	obj.ResourceVersion = strconv.Itoa(s.version)
	delete(s.objects, name)
	s.record(watch.Deleted, obj)
}

func (s *server) record(kind watch.EventType, obj *corev1.ConfigMap) {
	s.history = append(s.history, change{s.version, kind, obj})
	close(s.changed)
	s.changed = make(chan struct{})
}

// forget drops the history, so that watches from before now are expired.
func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest, s.history = s.version, nil
	close(s.changed)
	s.changed = make(chan struct{})
}

// hangUp ends all watches.
func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.closing)
	s.closing = make(chan struct{})
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/v1"), "/namespaces/default")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "/configmaps"), "/")
	query := r.URL.Query()
	switch {
	case query.Get("watch") == "true":
		s.serveWatch(w, r)
	case name == "":
		s.serveList(w)
	default:
		s.mu.Lock()
		obj := s.objects[name]
		s.mu.Unlock()
		if obj == nil {
			s.fail(w, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, name))
			return
		}
		s.write(w, 200, obj)
	}
}

func (s *server) serveList(w http.ResponseWriter) {
	s.mu.Lock()
	s.lists++
	list := &corev1.ConfigMapList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.Itoa(s.version)}}
	for _, obj := range s.objects {
		list.Items = append(list.Items, *obj)
	}
	s.mu.Unlock()
	s.write(w, 200, list)
}

func (s *server) serveWatch(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	from, _ := strconv.Atoi(query.Get("resourceVersion"))
	initial := query.Get("sendInitialEvents") == "true"
	if initial && s.noWatchList {
		s.fail(w, apierrors.NewInvalid(schema.GroupKind{Group: "meta.k8s.io", Kind: "ListOptions"}, "", nil))
		return
	}
	s.mu.Lock()
	s.watches++
	var first []change
	if initial {
		for _, obj := range s.objects {
			first = append(first, change{s.version, watch.Added, obj})
		}
		end := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			ResourceVersion: strconv.Itoa(s.version),
			Annotations:     map[string]string{metav1.InitialEventsAnnotationKey: "true"},
		}}
		first = append(first, change{s.version, watch.Bookmark, end})
		from = s.version
	}
	expired, closing := from < s.oldest, s.closing
	s.mu.Unlock()

	w.Header().Set("Content-Type", s.mediaType())
	w.WriteHeader(200)
	if expired {
		s.frame(w, watch.Error, &apierrors.NewResourceExpired("too old").ErrStatus)
		return
	}
	for _, c := range first {
		s.frame(w, c.kind, c.object)
	}
	for {
		s.mu.Lock()
		var next []change
		for _, c := range s.history {
			if c.version > from {
				next = append(next, c)
			}
		}
		changed, expired := s.changed, from < s.oldest
		s.mu.Unlock()
		if expired {
			s.frame(w, watch.Error, &apierrors.NewResourceExpired("too slow").ErrStatus)
			return
		}
		for _, c := range next {
			s.frame(w, c.kind, c.object)
			from = c.version
		}
		select {
		case <-changed:
		case <-closing:
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (s *server) mediaType() string {
	if s.proto {
		return api.Protobuf
	}
	return api.JSON
}

func (s *server) write(w http.ResponseWriter, code int, obj runtime.Object) {
	w.Header().Set("Content-Type", s.mediaType())
	w.WriteHeader(code)
	_ = api.Codecs().Encode(obj, s.mediaType(), w)
}

func (s *server) fail(w http.ResponseWriter, err *apierrors.StatusError) {
	s.write(w, int(err.ErrStatus.Code), &err.ErrStatus)
}

func (s *server) frame(w http.ResponseWriter, kind watch.EventType, obj runtime.Object) {
	raw, err := api.Codecs().EncodeBytes(obj, s.mediaType())
	if err != nil {
		panic(err)
	}
	event := metav1.WatchEvent{Type: string(kind), Object: runtime.RawExtension{Raw: raw}}
	if s.proto {
		data, _ := event.Marshal()
		_, _ = protobuf.LengthDelimitedFramer.NewFrameWriter(w).Write(data)
		return
	}
	_ = json.NewEncoder(w).Encode(event)
}

func configMap(name, value string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"value": value}},
		Data:       map[string]string{"value": value},
	}
}

// run starts f, and ends and awaits it with the test.
func run(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}
