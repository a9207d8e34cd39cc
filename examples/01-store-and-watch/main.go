// Command 01-store-and-watch shows what a cluster's memory is: a map with a history.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

func main() {
	if err := run(context.Background(), memstore.New()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s store.Store) error {
	defer s.Close()

	// Every write gets the next revision, and says which one it builds on.
	first, err := s.Create(ctx, "/pods/web", []byte("v1"), 0)
	if err != nil {
		return err
	}
	second, err := s.Update(ctx, "/pods/web", []byte("v2"), first, 0)
	if err != nil {
		return err
	}
	fmt.Printf("created at revision %d, updated at %d\n", first, second)

	// Who writes from old knowledge is refused: nobody's change is lost.
	_, err = s.Update(ctx, "/pods/web", []byte("v3"), first, 0)
	fmt.Println("an update of revision", first, "is a conflict:", errors.Is(err, store.ErrConflict))

	// A list is true at one revision; a watch tells all that came after it.
	list, err := s.List(ctx, store.Prefix("/pods/"), store.ListOptions{})
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, "/pods/db", []byte("v1"), 0); err != nil {
		return err
	}
	if _, _, err := s.Delete(ctx, "/pods/web", second); err != nil {
		return err
	}
	watch, err := s.Watch(ctx, store.Prefix("/pods/"), list.Revision)
	if err != nil {
		return err
	}
	defer watch.Close()
	for seen := 0; seen < 2; {
		batch, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		for _, e := range batch.Events {
			seen++
			fmt.Printf("revision %d: %s\n", e.KV.ModRevision, describe(e))
		}
	}
	return nil
}

func describe(e store.Event) string {
	switch {
	case e.Type == store.Delete:
		return "deleted " + e.KV.Key
	case e.IsCreate():
		return "created " + e.KV.Key
	default:
		return "updated " + e.KV.Key
	}
}
