package clustertest_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

const shop = `
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:v1"}]}
`

var shopV1 = goroutine.Serve(":8080", func(*goroutine.Process) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "open") })
})

// Ten minutes of the cluster's life, some milliseconds of the test's.
func testShopSurvivesTheLossOfANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithImage("shop:v1", shopV1))
		c.Apply(shop)
		available := func() bool {
			return clustertest.Get[*appsv1.Deployment](c, "default", "shop").Status.AvailableReplicas == 2
		}
		c.WaitFor("the shop", available)
		c.StopNode("node-2")
		time.Sleep(10 * time.Minute)
		c.WaitFor("the shop to be whole again", available)
		answer, err := c.Get(t.Context(), "http://shop/")
		if err != nil || answer != "open" {
			t.Fatal(answer, err)
		}
	})
}

// A service of one's own survives the loss of a node. It is compiled but not run
// here, since only go test can make a *testing.T; a test of this package does.
func Example() {
	var t *testing.T // that of your test
	testShopSurvivesTheLossOfANode(t)
}
