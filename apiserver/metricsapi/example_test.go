package metricsapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/apiserver/metricsapi"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// idle says that every node uses a tenth of a core.
type idle struct{}

func (idle) Summary(_ context.Context, node *corev1.Node) (*metricsapi.Summary, error) {
	return &metricsapi.Summary{Node: metricsapi.NodeStats{Name: node.Name, CPU: cpu(100_000_000), Memory: memory(64 << 20)}}, nil
}

func Example() {
	group := metricsapi.NewGroup(typedtest.New(node("node-1")), idle{}, nil)
	w := httptest.NewRecorder()
	group.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/apis/metrics.k8s.io/v1beta1/nodes/node-1", nil))
	var metrics struct {
		Usage map[string]string
	}
	decode(w, &metrics)
	fmt.Println(w.Code, metrics.Usage["cpu"], metrics.Usage["memory"])
	// Output: 200 100m 64Mi
}
