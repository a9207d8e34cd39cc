package connect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// A scheduler binds a pod to a node through pods/binding.
func Example() {
	objects := typedtest.New(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}})
	binding := connect.Connectors(connect.Options{Objects: objects})["pods/binding"]

	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"target": {"kind": "Node", "name": "node-1"}}`))
	err := binding.ServeConnect(w, r, &apiserver.Connection{Namespace: "default", Name: "web"})
	fmt.Println(w.Code, err)

	pod, err := typed.Get[*corev1.Pod](context.Background(), objects, "default", "web")
	fmt.Println(pod.Spec.NodeName, pod.Status.Conditions[0].Type, pod.Status.Conditions[0].Status, err)
	// Output:
	// 201 <nil>
	// node-1 PodScheduled True <nil>
}
