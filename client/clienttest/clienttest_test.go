package clienttest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/client/clienttest"
	"github.com/coracle-k8s/coracle/client/faulty"
	"github.com/coracle-k8s/coracle/internal/apitest"
)

func TestInMemory(t *testing.T) {
	clienttest.Run(t, func(t *testing.T) *client.Client { return apitest.Start(t).Client(t) })
}

func TestInMemory_JSON(t *testing.T) {
	clienttest.Run(t, func(t *testing.T) *client.Client {
		c, err := client.New(client.Config{BaseURL: "http://coracle", Transport: client.InMemory(apitest.Start(t)), JSON: true})
		require.NoError(t, err)
		return c
	})
}

func TestInMemory_Slow(t *testing.T) {
	clienttest.Run(t, func(t *testing.T) *client.Client {
		return apitest.Start(t).Client(t, func(next http.RoundTripper) http.RoundTripper {
			return faulty.New(next, faulty.Options{Seed: 1, Delay: 5 * time.Millisecond})
		})
	})
}

func TestTLS(t *testing.T) {
	clienttest.Run(t, func(t *testing.T) *client.Client {
		server := httptest.NewUnstartedServer(apitest.Start(t))
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		c, err := client.New(client.Config{BaseURL: server.URL, Transport: server.Client().Transport})
		require.NoError(t, err)
		return c
	})
}

func ExampleRules() {
	fmt.Println(clienttest.Rules()["watch from a version"])
	// Output: a watch from the resourceVersion of a list misses nothing and repeats nothing, in order, and a deletion carries the last state
}
