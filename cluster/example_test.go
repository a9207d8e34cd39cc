package cluster_test

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// A cluster with two nodes, whose containers are Go functions, and a Deployment.
// Everything from the API server to the kubelets is in this process.
func Example() {
	greetings := make(chan string)
	hello := func(ctx context.Context, p *goroutine.Process) int {
		greetings <- "hello from a container of " + p.Pod.Namespace
		return goroutine.Pause(ctx, p)
	}
	c, err := cluster.New(cluster.Config{
		Nodes:   cluster.Nodes(2),
		Backend: cluster.NewMemory(cluster.MemoryConfig{Images: goroutine.Programs(map[string]goroutine.Program{"hello": hello})}),
	})
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	<-c.Ready()

	labels := map[string]string{"app": "hello"}
	client.For[*appsv1.Deployment](c.Admin()).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "hello"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "hello"}}},
			},
		},
	})
	fmt.Println(<-greetings)
	stop()
	fmt.Println(<-ended)
	// Output:
	// hello from a container of default
	// <nil>
}
