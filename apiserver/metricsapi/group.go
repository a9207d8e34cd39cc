package metricsapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// timeout is how long a node has to answer, and atOnce how many are asked at a
// time.
const (
	timeout = 5 * time.Second
	atOnce  = 32
)

// NewGroup returns the API group. A nil log discards.
func NewGroup(objects apiserver.Objects, source Source, log *slog.Logger) apiserver.Group {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(metricsv1beta1.AddToScheme(scheme))
	return apiserver.Group{
		GroupVersion: metricsv1beta1.SchemeGroupVersion,
		Resources: []metav1.APIResource{
			{Name: "nodes", SingularName: "", Kind: "NodeMetrics", Verbs: metav1.Verbs{"get", "list"}},
			{Name: "pods", SingularName: "", Namespaced: true, Kind: "PodMetrics", Verbs: metav1.Verbs{"get", "list"}},
		},
		Handler: &handler{objects: objects, source: source, log: log, codec: api.NewCodec(scheme)},
	}
}

type handler struct {
	objects apiserver.Objects
	source  Source
	log     *slog.Logger
	codec   *api.Codec
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	obj, err := h.answer(r)
	if err == nil {
		err = body.Write(w, r, h.codec, http.StatusOK, obj)
	}
	if err != nil {
		body.WriteError(w, r, err)
	}
}

// A query is what the path and the selectors ask for.
type query struct {
	resource        string
	namespace, name string
	labels          labels.Selector
	fields          fields.Selector
}

func (h *handler) answer(r *http.Request) (runtime.Object, error) {
	q, err := parse(r)
	if err != nil {
		return nil, err
	}
	switch q.resource {
	case "nodes":
		return h.nodes(r.Context(), q)
	case "pods":
		return h.pods(r.Context(), q)
	}
	return nil, apierrors.NewGenericServerResponse(http.StatusNotFound, "get", group(q.resource), q.name, "404 page not found", 0, true)
}

func group(resource string) schema.GroupResource {
	return metricsv1beta1.SchemeGroupVersion.WithResource(resource).GroupResource()
}

// parse reads nodes[/NAME], pods and namespaces/NS/pods[/NAME].
func parse(r *http.Request) (query, error) {
	path := strings.TrimPrefix(r.URL.Path, "/apis/"+metricsv1beta1.SchemeGroupVersion.String())
	parts := strings.Split(strings.Trim(path, "/"), "/")
	q := query{}
	if parts[0] == "namespaces" && len(parts) > 2 {
		q.namespace, parts = parts[1], parts[2:]
	}
	q.resource = parts[0]
	if len(parts) > 1 {
		q.name = parts[1]
	}
	badPath := len(parts) > 2 || q.resource == "nodes" && q.namespace != "" || q.resource == "pods" && q.name != "" && q.namespace == ""
	watch := r.URL.Query().Get("watch")
	switch {
	case badPath:
		q.resource = "" // not found
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return q, apierrors.NewMethodNotSupported(group(q.resource), strings.ToLower(r.Method))
	case watch != "" && watch != "0" && watch != "false":
		return q, apierrors.NewMethodNotSupported(group(q.resource), "watch")
	}
	var err error
	if q.labels, err = labels.Parse(r.URL.Query().Get("labelSelector")); err != nil {
		return q, apierrors.NewBadRequest("unable to parse labelSelector: " + err.Error())
	}
	if q.fields, err = fields.ParseSelector(r.URL.Query().Get("fieldSelector")); err != nil {
		return q, apierrors.NewBadRequest("unable to parse fieldSelector: " + err.Error())
	}
	for _, f := range q.fields.Requirements() {
		if f.Field != "metadata.name" && f.Field != "metadata.namespace" {
			return q, apierrors.NewBadRequest("field label not supported: " + f.Field)
		}
	}
	return q, nil
}

func (q query) matches(obj metav1.Object) bool {
	return (q.name == "" || q.name == obj.GetName()) && q.labels.Matches(labels.Set(obj.GetLabels())) &&
		q.fields.Matches(fields.Set{"metadata.name": obj.GetName(), "metadata.namespace": obj.GetNamespace()})
}

func (h *handler) nodes(ctx context.Context, q query) (runtime.Object, error) {
	nodes, err := typed.List[*corev1.Node](ctx, h.objects, "")
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, node := range nodes {
		wanted[node.Name] = q.matches(node)
	}
	summaries := h.ask(ctx, nodes, wanted)
	list := &metricsv1beta1.NodeMetricsList{Items: []metricsv1beta1.NodeMetrics{}}
	for _, node := range nodes {
		if summary := summaries[node.Name]; summary != nil {
			if metrics, ok := nodeMetrics(node, summary); ok {
				list.Items = append(list.Items, metrics)
			}
		}
	}
	switch {
	case q.name == "":
		return list, nil
	case len(list.Items) == 0:
		return nil, apierrors.NewNotFound(group("nodes"), q.name)
	}
	return &list.Items[0], nil
}

func (h *handler) pods(ctx context.Context, q query) (runtime.Object, error) {
	all, err := typed.List[*corev1.Pod](ctx, h.objects, q.namespace)
	if err != nil {
		return nil, err
	}
	nodes, err := typed.List[*corev1.Node](ctx, h.objects, "")
	if err != nil {
		return nil, err
	}
	var pods []*corev1.Pod
	wanted := map[string]bool{}
	for _, pod := range all {
		if pod.Status.Phase == corev1.PodRunning && q.matches(pod) {
			pods = append(pods, pod)
			wanted[pod.Spec.NodeName] = true
		}
	}
	summaries := h.ask(ctx, nodes, wanted)
	list := &metricsv1beta1.PodMetricsList{Items: []metricsv1beta1.PodMetrics{}}
	for _, pod := range pods {
		if summary := summaries[pod.Spec.NodeName]; summary != nil {
			if metrics, ok := podMetrics(pod, summary); ok {
				list.Items = append(list.Items, metrics)
			}
		}
	}
	switch {
	case q.name == "":
		return list, nil
	case len(list.Items) == 0:
		return nil, apierrors.NewNotFound(group("pods"), q.namespace+"/"+q.name)
	}
	return &list.Items[0], nil
}

// ask gets the summaries of the wanted nodes, by name. Those that do not answer
// in time are missing.
func (h *handler) ask(ctx context.Context, nodes []*corev1.Node, wanted map[string]bool) map[string]*Summary {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var (
		asking    sync.WaitGroup
		slots     = make(chan struct{}, atOnce)
		mu        sync.Mutex // guards summaries
		summaries = map[string]*Summary{}
	)
	for _, node := range nodes {
		if !wanted[node.Name] {
			continue
		}
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			summary, err := h.source.Summary(ctx, node)
			if err != nil {
				h.log.Warn("a node's metrics are missing", "err", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			summaries[node.Name] = summary
		})
	}
	asking.Wait()
	return summaries
}
