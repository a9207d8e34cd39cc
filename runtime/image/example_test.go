package image_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/coracle-k8s/coracle/runtime/image"
)

// A program becomes an image without docker and without a registry, and is found
// under each form of its name.
func Example() {
	dir, err := os.MkdirTemp("", "images-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // an example's directory

	ctx := context.Background()
	store, err := image.Open(dir, image.Options{})
	if err != nil {
		log.Fatal(err)
	}
	img, err := image.BuildGo(ctx, image.GoBuild{
		Package: "./testdata/hello",
		Vars:    map[string]string{"main.version": "v1"},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := store.Add(ctx, img, "hello:v1"); err != nil {
		log.Fatal(err)
	}
	found, err := store.Get("docker.io/library/hello:v1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.Tags[0], found.Config.Entrypoint, len(found.DiffIDs), "layers")
	// Output: docker.io/library/hello:v1 [/app/hello] 2 layers
}
