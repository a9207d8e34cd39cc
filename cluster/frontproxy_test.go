package cluster_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/pki"
)

// Servers of other groups learn from a ConfigMap whom to believe: users with their
// certificates, and the front proxy that speaks for them.
func TestAPI_SaysWhoIsItsFrontProxy(t *testing.T) {
	trust, err := pki.New()
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithNodes(0), clustertest.WithConfig(func(cfg *cluster.Config) { cfg.PKI = trust }))
		published := clustertest.Get[*corev1.ConfigMap](c, "kube-system", "extension-apiserver-authentication").Data
		require.Equal(t, string(trust.CAPEM()), published["client-ca-file"])
		require.Equal(t, string(trust.FrontProxyCAPEM()), published["requestheader-client-ca-file"])
		require.Equal(t, `["front-proxy-client"]`, published["requestheader-allowed-names"])
	})
}
