package metricsapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver/metricsapi"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// summaries is a source that knows everything; nodes that are not in it hang.
type summaries map[string]*metricsapi.Summary

func (s summaries) Summary(ctx context.Context, node *corev1.Node) (*metricsapi.Summary, error) {
	if summary, ok := s[node.Name]; ok {
		return summary, nil
	}
	<-ctx.Done()
	return nil, errors.New("no answer")
}

var when = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func cpu(nanoCores uint64) *metricsapi.CPU {
	return &metricsapi.CPU{Time: when, UsageNanoCores: &nanoCores}
}

func memory(bytes uint64) *metricsapi.Memory {
	return &metricsapi.Memory{Time: when, WorkingSetBytes: &bytes}
}

func podStats(pod *corev1.Pod, containers ...metricsapi.ContainerStats) metricsapi.PodStats {
	return metricsapi.PodStats{
		Pod:        metricsapi.PodReference{Name: pod.Name, Namespace: pod.Namespace, UID: string(pod.UID)},
		Containers: containers,
	}
}

func pod(namespace, name, node, app string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

func node(name string) *corev1.Node { return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}} }

// newHandler has two nodes that answer and one that does not.
func newHandler() http.Handler {
	web, db, fresh, lost := pod("shop", "web", "n1", "web"), pod("shop", "db", "n2", "db"), pod("bank", "fresh", "n2", "web"), pod("bank", "lost", "n3", "web")
	web.UID, db.UID, fresh.UID, lost.UID = "u1", "u2", "u3", "u4"
	impostor := podStats(web, metricsapi.ContainerStats{Name: "app", CPU: cpu(9e9), Memory: memory(9)})
	impostor.Pod.UID = "an older pod of the name"
	source := summaries{
		"n1": {
			Node: metricsapi.NodeStats{Name: "n1", CPU: cpu(1_500_000_000), Memory: memory(1 << 30)},
			Pods: []metricsapi.PodStats{impostor, podStats(web,
				metricsapi.ContainerStats{Name: "app", CPU: cpu(250_000_000), Memory: memory(64 << 20)},
				metricsapi.ContainerStats{Name: "sidecar", CPU: cpu(1_000_000), Memory: memory(1 << 20)})},
		},
		"n2": {
			Node: metricsapi.NodeStats{Name: "n2", CPU: cpu(0), Memory: memory(5)},
			Pods: []metricsapi.PodStats{
				podStats(db, metricsapi.ContainerStats{Name: "app", CPU: cpu(1), Memory: memory(2)}),
				podStats(fresh,
					metricsapi.ContainerStats{Name: "app", CPU: cpu(1), Memory: memory(2)},
					metricsapi.ContainerStats{Name: "late", Memory: memory(2)}),
			},
		},
	}
	objects := typedtest.New(node("n1"), node("n2"), node("n3"), web, db, fresh, lost)
	return metricsapi.NewGroup(objects, source, nil).Handler
}

const base = "/apis/metrics.k8s.io/v1beta1/"

func get(t *testing.T, h http.Handler, path string, into any) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", base+path, nil))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), into))
	return w.Code
}

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		names := func(path string) (names []string) {
			var list metricsv1beta1.PodMetricsList
			require.Equal(t, 200, get(t, h, path, &list))
			require.NotNil(t, list.Items)
			for _, item := range list.Items {
				names = append(names, item.Namespace+"/"+item.Name)
			}
			return names
		}
		var nodes metricsv1beta1.NodeMetricsList
		require.Equal(t, 200, get(t, h, "nodes", &nodes))
		require.Equal(t, "NodeMetricsList", nodes.Kind)
		require.Len(t, nodes.Items, 2, "the node that hangs is left out")
		require.Equal(t, "1500m", nodes.Items[0].Usage.Cpu().String())
		require.Equal(t, "1Gi", nodes.Items[0].Usage.Memory().String())
		require.True(t, nodes.Items[0].Timestamp.Equal(&metav1.Time{Time: when}))

		require.Equal(t, []string{"shop/db", "shop/web"}, names("pods"),
			"without those of a silent node, and those that are not fully measured")
		require.Equal(t, []string{"shop/web"}, names("namespaces/shop/pods?labelSelector=app%3Dweb"))
		require.Equal(t, []string{"shop/db"}, names("namespaces/shop/pods?fieldSelector=metadata.name%3Ddb"))
		require.Empty(t, names("namespaces/nowhere/pods"))

		var one metricsv1beta1.PodMetrics
		require.Equal(t, 200, get(t, h, "namespaces/shop/pods/web", &one))
		require.Equal(t, "PodMetrics", one.Kind)
		require.Len(t, one.Containers, 2, "not those of an older pod of the name")
		require.Equal(t, "250m", one.Containers[0].Usage.Cpu().String())
		require.Equal(t, "web", one.Labels["app"])

		var single metricsv1beta1.NodeMetrics
		require.Equal(t, 200, get(t, h, "nodes/n1", &single))
		require.Equal(t, "NodeMetrics", single.Kind)
	})
}

func TestGroup_refusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		for path, want := range map[string]struct {
			code    int
			message string
		}{
			"namespaces/shop/pods/ghost": {404, `pods.metrics.k8s.io "shop/ghost" not found`},
			"namespaces/bank/pods/fresh": {404, "not found"},
			"nodes/n3":                   {404, "not found"},
			"namespaces/shop/nodes":      {404, "the server could not find the requested resource"},
			"pods/web":                   {404, "the server could not find the requested resource"},
			"widgets":                    {404, "the server could not find the requested resource"},
			"nodes/n1/status":            {404, "the server could not find the requested resource"},
			"nodes?watch=true":           {405, "watch"},
			"pods?labelSelector=a%3D%3D%3Db": {
				400, "unable to parse labelSelector"},
			"pods?fieldSelector=spec.nodeName%3Dx": {400, "field label not supported: spec.nodeName"},
		} {
			var status metav1.Status
			require.Equal(t, want.code, get(t, h, path, &status), path)
			require.Equal(t, "Status", status.Kind, path)
			require.Contains(t, status.Message, want.message, path)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("DELETE", base+"nodes/n1", nil))
		require.Equal(t, 405, w.Code)
	})
}

func TestGroup_protobuf(t *testing.T) {
	h := newHandler()
	r := httptest.NewRequest("GET", base+"nodes/n1", nil)
	r.Header.Set("Accept", "application/vnd.kubernetes.protobuf, application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, 200, w.Code)
	require.Equal(t, api.Protobuf, w.Header().Get("Content-Type"))
	require.Equal(t, "k8s\x00", w.Body.String()[:4])
}

// kubelet is a transport to one kubelet.
type kubelet struct{ url string }

func (k kubelet) RoundTripper(*corev1.Node) (http.RoundTripper, string, error) {
	return http.DefaultTransport, k.url, nil
}

func TestKubelets(t *testing.T) {
	answer := `{"node":{"nodeName":"n1","cpu":{"time":"2026-01-02T03:04:05Z","usageNanoCores":7},"memory":{"time":"2026-01-02T03:04:05Z","workingSetBytes":8,"extra":1}},
		"pods":[{"podRef":{"name":"web","namespace":"shop","uid":"u"},"containers":[{"name":"app","cpu":{"time":"2026-01-02T03:04:05Z"}}]}]}`
	code := 200
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/stats/summary", r.URL.Path)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	source := metricsapi.Kubelets{Transport: kubelet{server.URL}}
	summary, err := source.Summary(t.Context(), node("n1"))
	require.NoError(t, err)
	require.Equal(t, uint64(7), *summary.Node.CPU.UsageNanoCores)
	require.Equal(t, uint64(8), *summary.Node.Memory.WorkingSetBytes)
	require.Nil(t, summary.Pods[0].Containers[0].CPU.UsageNanoCores)
	require.Nil(t, summary.Pods[0].Containers[0].Memory)

	answer = `{"node":`
	_, err = source.Summary(t.Context(), node("n1"))
	require.ErrorContains(t, err, "summary of node n1")
	code = 500
	_, err = source.Summary(t.Context(), node("n1"))
	require.ErrorContains(t, err, "500 Internal Server Error")
}

func decode(w *httptest.ResponseRecorder, into any) {
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		panic(err)
	}
}
