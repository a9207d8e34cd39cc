package cluster_test

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver/audit"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
)

// TestConfig_Auditor keeps record of all there is to a cluster's life, to the last
// line.
func TestConfig_Auditor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy, err := audit.ParsePolicy([]byte(`
apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: Metadata}]
`))
		require.NoError(t, err)
		var log bytes.Buffer
		c, err := cluster.New(cluster.Config{Auditor: audit.New(policy, audit.NewLog(&log), nil)})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		<-c.Ready()
		_, err = client.For[*corev1.Secret](c.Admin()).Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"}, Data: map[string][]byte{"password": []byte("swordfish")},
		})
		require.NoError(t, err)
		cancel()
		require.NoError(t, <-ended)

		// Every request that was begun was ended, watches included.
		open := map[string]string{}
		created := false
		for line := range bytes.Lines(log.Bytes()) {
			var e auditv1.Event
			require.NoError(t, json.Unmarshal(line, &e), "%s", line)
			switch e.Stage {
			case auditv1.StageRequestReceived:
				open[string(e.AuditID)] = e.Verb + " " + e.RequestURI
			case auditv1.StageResponseComplete:
				delete(open, string(e.AuditID))
				created = created || e.Verb == "create" && e.ObjectRef.Resource == "secrets" && e.ObjectRef.Name == "db"
			}
		}
		require.Empty(t, open)
		require.True(t, created)
		require.NotContains(t, log.String(), "swordfish")
		require.NotContains(t, log.String(), "c3dvcmRmaXNo")
	})
}
