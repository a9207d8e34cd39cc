package cluster_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// TestConfig_ShutdownDelay has balancers notice before clients do.
func TestConfig_ShutdownDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		defer st.Close()
		api, err := cluster.NewAPI(cluster.Config{ShutdownDelay: 10 * time.Second}, st, nil, nil)
		require.NoError(t, err)
		admin := auth.As(&apiserver.User{Name: "root", Groups: []string{pki.GroupMasters}}, api)
		code := func(method, path string) int {
			w := httptest.NewRecorder()
			admin.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
			return w.Code
		}
		ctx, cancel := context.WithCancel(t.Context())
		ready, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- api.Run(ctx, func() { close(ready) }) }()
		<-ready
		synctest.Wait()
		require.Equal(t, http.StatusOK, code("GET", "/readyz"))

		start := time.Now()
		cancel()
		time.Sleep(9 * time.Second)
		require.Equal(t, http.StatusInternalServerError, code("GET", "/readyz"))
		require.Equal(t, http.StatusOK, code("GET", "/livez"))
		require.Equal(t, http.StatusOK, code("GET", "/api/v1/namespaces"))
		require.NoError(t, <-ended)
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}
