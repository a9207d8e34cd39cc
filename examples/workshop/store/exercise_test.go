package store_test

import (
	"testing"

	exercise "github.com/coracle-k8s/coracle/examples/workshop/store"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return exercise.New() }, storetest.Options{})
}
