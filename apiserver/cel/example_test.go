package cel_test

import (
	"context"
	"fmt"

	"github.com/coracle-k8s/coracle/apiserver/cel"
)

// An expression is compiled once and evaluated for each request.
func Example() {
	c, names := cel.NewCompiler(false), cel.Names{Variables: true}
	if err := c.Define("replicas", "object.spec.replicas", names); err != nil {
		fmt.Println(err)
	}
	few, err := c.Compile("variables.replicas <= 5", names, cel.Bool)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, replicas := range []int64{3, 7} {
		object := map[string]any{"spec": map[string]any{"replicas": replicas}}
		fmt.Println(c.Run(context.Background(), cel.Inputs{Object: object}, cel.Budget).Eval(few))
	}
	_, err = c.Compile("variables.replicas + 1", names, cel.Bool)
	fmt.Println(err)
	// Output:
	// true <nil>
	// false <nil>
	// must evaluate to bool but got int
}
