// Package queue is a workshop exercise: write the engine under every controller.
//
// A queue takes keys of objects that may have changed and hands them to a reconcile
// function, on several goroutines. Its promises, which the kit checks:
//
//   - A key that is added many times before its turn comes runs once.
//   - A key never runs twice at the same time. Added while it runs, it runs once
//     more afterwards: that change came too late for the run under way.
//   - A key whose run fails comes again after 5 ms, 10 ms, 20 ms and so on. A success
//     makes that forgotten. Other keys do not wait for it.
//   - Run returns when its context ends and every run has ended.
//
// Block on channels, take time from package time and start nothing that outlives Run,
// and the kit can test you in a synctest bubble.
package queue

import (
	"context"
	"time"

	"github.com/coracle-k8s/coracle/controller"
)

// A Queue is what you write.
type Queue interface {
	// Add says that something changed about a key.
	Add(key string)
	// AddAfter adds the key when d has passed.
	AddAfter(key string, d time.Duration)
	// Run calls the reconcile function for keys until ctx ends.
	Run(ctx context.Context) error
}

// New returns a queue for a reconcile function, which up to workers goroutines call.
// Put yours here.
func New(workers int, reconcile func(ctx context.Context, key string) error) Queue {
	r := controller.ReconcilerFunc(func(ctx context.Context, key controller.Key) (controller.Result, error) {
		return controller.Result{}, reconcile(ctx, key.Name)
	})
	return engine{controller.New("exercise", r, controller.Options{Workers: workers})}
}

// engine is the project's own part as a Queue.
type engine struct{ *controller.Controller }

func (e engine) Add(key string) { e.Enqueue(controller.Key{Name: key}) }

func (e engine) AddAfter(key string, d time.Duration) {
	e.EnqueueAfter(controller.Key{Name: key}, d)
}
