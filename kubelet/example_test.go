package kubelet_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/kubelet"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A kubelet with a runtime of Go functions runs a pod that is bound to its node.
func Example() {
	store := memstore.New()
	defer store.Close()
	server, _ := apiserver.New(apiserver.Config{
		Storage:        apiserver.NewStorage(store, kinds.Registry(), nil),
		Authenticators: []apiserver.Authenticator{allowAll{}}, Authorizer: allowAll{},
	})
	c, _ := client.New(client.Config{BaseURL: "http://example", Transport: client.InMemory(server)})
	images := goroutine.Programs(map[string]goroutine.Program{
		"greeter:v1": func(_ context.Context, p *goroutine.Process) int {
			fmt.Println("hello from", p.Pod)
			return 0
		},
	})
	runtime := goroutine.New(goroutine.Config{Images: images})
	defer runtime.Close()
	dir, _ := os.MkdirTemp("", "kubelet")
	defer os.RemoveAll(dir)
	k, err := kubelet.New(kubelet.Config{
		NodeName: "node-1", Client: c, Runtime: runtime, RootDir: dir, PodCIDR: "10.1.0.0/24", PlainVolumes: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	parts.Go(func() { _ = server.Run(ctx) })
	parts.Go(func() { _ = k.Run(ctx) })

	pods := client.For[*corev1.Pod](c)
	_, _ = client.For[*corev1.Namespace](c).Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}})
	greeter := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "greeter", Namespace: "default"},
		Spec: corev1.PodSpec{
			NodeName: "node-1", RestartPolicy: corev1.RestartPolicyNever,
			Containers: []corev1.Container{{Name: "greeter", Image: "greeter:v1"}},
		},
	}
	if _, err := pods.Create(ctx, greeter); err != nil {
		fmt.Println(err)
		return
	}
	for range 500 {
		pod, err := pods.Get(ctx, "default", "greeter")
		if err == nil && pod.Status.Phase == corev1.PodSucceeded {
			fmt.Println(pod.Status.Phase, pod.Status.ContainerStatuses[0].State.Terminated.Reason)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println("it did not end")
	// Output:
	// hello from default/greeter
	// Succeeded Completed
}
