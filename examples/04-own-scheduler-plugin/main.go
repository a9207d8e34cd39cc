// Command 04-own-scheduler-plugin schedules with a rule of its own beside the usual
// ones: at most one pod with the label noisy on a node.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/scheduler"
	"github.com/coracle-k8s/coracle/scheduler/plugins"
)

// OneNoisy is the rule.
type OneNoisy struct{}

var _ scheduler.Filter = OneNoisy{}

// Name implements scheduler.Plugin.
func (OneNoisy) Name() string { return "OneNoisy" }

// Helps implements scheduler.Plugin: a pod waits until a noisy one is gone, or
// there is a further node.
func (OneNoisy) Helps(c scheduler.Change) bool {
	return c == scheduler.PodDeleted || c == scheduler.NodeAdded
}

// Filter implements scheduler.Filter.
func (p OneNoisy) Filter(c *scheduler.Cycle, node *scheduler.NodeInfo) *scheduler.Refusal {
	if c.Pod.Labels["noisy"] == "" {
		return nil
	}
	for _, other := range node.Pods {
		if other.Labels["noisy"] != "" {
			return scheduler.Refuse(p, "node(s) had a noisy pod already")
		}
	}
	return nil
}

func main() {
	c, err := cluster.New(cluster.Config{Nodes: cluster.Nodes(2), Without: []string{cluster.Scheduler}})
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error { return c.Run(ctx) })
	<-c.Ready()
	informers := client.NewInformers(c.Admin())
	own := scheduler.New(scheduler.Config{
		Client: c.Admin(), Informers: informers, Profile: append(plugins.Default(informers), OneNoisy{}),
	})
	parts.Go(func() error { return own.Run(ctx) })
	if err := try(ctx, c.Admin()); err != nil {
		log.Fatal(err)
	}
	stop()
	if err := parts.Wait(); err != nil {
		log.Fatal(err)
	}
}

// try creates three noisy pods for two nodes and says what becomes of them.
func try(ctx context.Context, c *client.Client) error {
	pods := client.For[*corev1.Pod](c)
	for _, name := range []string{"one", "two", "three"} {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"noisy": "yes"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
		}
		_, err := pods.Create(ctx, pod)
		for apierrors.IsForbidden(err) { // until the controllers have made its ServiceAccount
			time.Sleep(time.Millisecond)
			_, err = pods.Create(ctx, pod)
		}
		if err != nil {
			return err
		}
	}
	watch, err := pods.Watch(ctx, "default", client.WatchOptions{SendInitialEvents: true})
	if err != nil {
		return err
	}
	defer watch.Close()
	// The events of different pods come in any order, and before the nodes are
	// ready a pod may be refused for that.
	placed, refused := map[string]bool{}, ""
	for len(placed) < 2 || !strings.Contains(refused, "2 node(s) had a noisy pod") {
		event, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		for _, cond := range event.Object.Status.Conditions {
			switch {
			case cond.Type != corev1.PodScheduled:
			case cond.Status == corev1.ConditionTrue:
				placed[event.Object.Spec.NodeName] = true
			default:
				refused, _, _ = strings.Cut(cond.Message, " preemption:") // pushing others off does not help
			}
		}
	}
	fmt.Println("placed on different nodes:", placed["node-1"] && placed["node-2"])
	fmt.Println("refused:", refused)
	return nil
}
