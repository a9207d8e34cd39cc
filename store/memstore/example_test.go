package memstore_test

import (
	"context"
	"fmt"

	"github.com/coracle-k8s/coracle/store/memstore"
)

func Example() {
	ctx := context.Background()
	s := memstore.New()
	defer s.Close()

	first, _ := s.Create(ctx, "boat", []byte("coracle"), 0)
	second, _ := s.Update(ctx, "boat", []byte("curragh"), first, 0)
	now, _, _ := s.Get(ctx, "boat", 0)
	then, _, _ := s.Get(ctx, "boat", first)
	fmt.Println(first, second, string(now.Value), string(then.Value))
	// Output: 2 3 curragh coracle
}
