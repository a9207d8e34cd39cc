package admission_test

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/typed/typedtest"
)

// A hook changes what is about to be written.
func Example() {
	hook := admission.DefaultTolerationSeconds(60)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	err := hook.Mutate(context.Background(), &apiserver.Admission{
		Operation: apiserver.Create,
		Resource:  kinds.Registry().ForKind(corev1.SchemeGroupVersion.WithKind("Pod")),
		Object:    pod,
	})
	for _, t := range pod.Spec.Tolerations {
		fmt.Println(t.Key, *t.TolerationSeconds, err)
	}
	// Output:
	// node.kubernetes.io/not-ready 60 <nil>
	// node.kubernetes.io/unreachable 60 <nil>
}

// Services get their addresses from an allocator that servers share through
// their store.
func ExampleServiceIPs() {
	services, err := admission.NewServiceIPs(typedtest.New(), admission.ServiceRange{})
	if err != nil {
		panic(err)
	}
	dns := &corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "None"}}
	err = services.Mutate(context.Background(), &apiserver.Admission{
		Operation: apiserver.Create,
		Resource:  kinds.Registry().ForKind(corev1.SchemeGroupVersion.WithKind("Service")),
		Object:    dns,
	})
	fmt.Println(services.First(), dns.Spec.ClusterIPs, dns.Spec.IPFamilies, err)
	// Output: 10.96.0.1 [None] [IPv4] <nil>
}
