// Command 02-apiserver-and-client runs an API server alone, without controllers,
// scheduler or nodes, and talks to it.
package main

import (
	"context"
	"fmt"
	"log"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
)

func main() {
	c, err := cluster.New(cluster.Config{Without: []string{cluster.Scheduler, cluster.ControllerManager}})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	<-c.Ready()
	if err := talk(ctx, c.Admin()); err != nil {
		log.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		log.Fatal(err)
	}
}

func talk(ctx context.Context, c *client.Client) error {
	maps := client.For[*corev1.ConfigMap](c)
	watch, err := maps.Watch(ctx, "default", client.WatchOptions{})
	if err != nil {
		return err
	}
	defer watch.Close()

	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "settings"},
		Data:       map[string]string{"colour": "red"},
	})
	if err != nil {
		return err
	}
	patched, err := maps.Patch(ctx, "default", "settings", types.MergePatchType, []byte(`{"data":{"colour":"green"}}`))
	if err != nil {
		return err
	}
	fmt.Println("patched to", patched.Data["colour"])

	// made is old news now, and the server says so.
	made.Data["colour"] = "blue"
	_, err = maps.Update(ctx, made)
	fmt.Println("conflict:", apierrors.IsConflict(err))

	// What is wrong is refused, with all that is wrong.
	_, err = client.For[*corev1.Service](c).Create(ctx, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "No Capitals"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 123456}}},
	})
	fmt.Println("invalid:", apierrors.IsInvalid(err))

	for range 2 {
		event, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		fmt.Println(event.Type, event.Object.Name, event.Object.Data["colour"])
	}
	return nil
}
