// Command 03-own-controller adds a controller to a cluster: every Deployment with the
// annotation example.org/expose gets a Service of its name, on that port.
package main

import (
	"context"
	"fmt"
	"log"
	"strconv"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/controller"
)

const annotation = "example.org/expose"

// exposer makes the Services.
type exposer struct {
	deployments *client.Informer[*appsv1.Deployment]
	services    *client.Kind[*corev1.Service]
}

// newExposer says what is watched: Deployments, and the Services they own, so that
// one that somebody deletes comes back.
func newExposer(c *client.Client, informers *client.Informers) *controller.Controller {
	e := &exposer{client.Shared[*appsv1.Deployment](informers), client.For[*corev1.Service](c)}
	ctrl := controller.New("exposer", e, controller.Options{})
	controller.Watch(ctrl, e.deployments, controller.Self)
	controller.Watch(ctrl, client.Shared[*corev1.Service](informers), controller.Owner[*corev1.Service]("Deployment"))
	return ctrl
}

// Reconcile implements controller.Reconciler.
func (e *exposer) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	d, ok := e.deployments.Get(key.Namespace, key.Name)
	if !ok || d.Annotations[annotation] == "" {
		return controller.Result{}, nil // Its Service goes with it: the garbage collector sees to that.
	}
	service, err := serviceFor(d)
	if err != nil {
		return controller.Result{}, nil // A new try would not make it better.
	}
	_, err = e.services.Create(ctx, service)
	if apierrors.IsAlreadyExists(err) {
		err = nil
	}
	return controller.Result{}, err
}

// serviceFor is the decision, as a pure function: easy to test.
func serviceFor(d *appsv1.Deployment) (*corev1.Service, error) {
	port, err := strconv.ParseInt(d.Annotations[annotation], 10, 32)
	if err != nil {
		return nil, err
	}
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment"))},
		},
		Spec: corev1.ServiceSpec{Selector: d.Spec.Selector.MatchLabels, Ports: []corev1.ServicePort{{Port: int32(port)}}},
	}, nil
}

func main() {
	c, err := cluster.New(cluster.Config{Nodes: cluster.Nodes(1)})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return c.Run(ctx) })
	<-c.Ready()
	informers := client.NewInformers(c.Admin())
	exposer := newExposer(c.Admin(), informers)
	parts.Go(func() error { return informers.Run(ctx) })
	parts.Go(func() error { return exposer.Run(ctx) })
	if err := try(ctx, c.Admin()); err != nil {
		log.Fatal(err)
	}
	stop()
	if err := parts.Wait(); err != nil {
		log.Fatal(err)
	}
}

// try creates a Deployment, sees its Service come, deletes that, and sees it again.
func try(ctx context.Context, c *client.Client) error {
	services := client.For[*corev1.Service](c)
	watch, err := services.Watch(ctx, "default", client.WatchOptions{FieldSelector: "metadata.name=web"})
	if err != nil {
		return err
	}
	defer watch.Close()
	labels := map[string]string{"app": "web"}
	if _, err := client.For[*appsv1.Deployment](c).Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Annotations: map[string]string{annotation: "8080"}},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
			},
		},
	}); err != nil {
		return err
	}
	for _, after := range []func() error{
		func() error { return services.Delete(ctx, "default", "web") }, nil, nil,
	} {
		event, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		fmt.Println(event.Type, "service", event.Object.Name, event.Object.Spec.Ports[0].Port)
		if after != nil {
			if err := after(); err != nil {
				return err
			}
		}
	}
	return nil
}
