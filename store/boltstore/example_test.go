package boltstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/coracle-k8s/coracle/store/boltstore"
)

// What was written is there when the store is opened again, its past too.
func Example() {
	dir, err := os.MkdirTemp("", "boltstore")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path, ctx := filepath.Join(dir, "data"), context.Background()

	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	s.Create(ctx, "boat", []byte("coracle"), 0)
	s.Update(ctx, "boat", []byte("curragh"), 0, 0)
	s.Close()

	s, err = boltstore.Open(path, boltstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	now, _, _ := s.Get(ctx, "boat", 0)
	then, _, _ := s.Get(ctx, "boat", 2)
	fmt.Printf("%s, version %d; it was a %s\n", now.Value, now.Version, then.Value)
	// Output: curragh, version 2; it was a coracle
}
