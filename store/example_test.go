package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A reader lists, and follows from there.
func Example() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()
	s.Create(ctx, "boats/coracle", []byte("1 seat"), 0)

	list, err := s.List(ctx, store.Prefix("boats/"), store.ListOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("revision %d: %d boats\n", list.Revision, list.Count)

	s.Create(ctx, "boats/curragh", []byte("4 seats"), 0)
	s.Update(ctx, "boats/coracle", []byte("2 seats"), 0, 0)
	s.Delete(ctx, "boats/curragh", 0)

	w, err := s.Watch(ctx, store.Prefix("boats/"), list.Revision)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Close()
	batch, err := w.Next(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, event := range batch.Events {
		switch {
		case event.Type == store.Delete:
			fmt.Printf("revision %d: no %s\n", event.KV.ModRevision, event.KV.Key)
		default:
			fmt.Printf("revision %d: %s has %s\n", event.KV.ModRevision, event.KV.Key, event.KV.Value)
		}
	}
	// Output:
	// revision 2: 1 boats
	// revision 3: boats/curragh has 4 seats
	// revision 4: boats/coracle has 2 seats
	// revision 5: no boats/curragh
}

// A writer that is too late gets the key that it did not know of.
func ExampleConflictError() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()
	known, _ := s.Create(ctx, "replicas", []byte("3"), 0)
	s.Update(ctx, "replicas", []byte("5"), known, 0) // somebody else

	_, err := s.Update(ctx, "replicas", []byte("4"), known, 0)
	conflict, ok := errors.AsType[*store.ConflictError](err)
	fmt.Println(ok, errors.Is(err, store.ErrConflict), string(conflict.Current.Value))
	fmt.Println(err)
	// Output:
	// true true 5
	// update replicas: replicas: revision conflict at revision 3
}

func ExamplePrefix() {
	fmt.Printf("%q\n", store.Prefix("/registry/pods/"))
	fmt.Println(store.Prefix("a/").Contains("a/b"), store.Prefix("a/").Contains("ab"))
	// Output:
	// {"/registry/pods/" "/registry/pods0"}
	// true false
}
