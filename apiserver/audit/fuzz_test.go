package audit_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/audit"
)

// FuzzParsePolicy has a policy that is taken judge any request.
func FuzzParsePolicy(f *testing.F) {
	const head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n"
	f.Add(head, "pods", "/healthz")
	f.Add(head+"  resources: [{group: '', resources: ['*/x', 'pods/*'], resourceNames: [a]}]\n", "pods/log", "")
	f.Add(head+"  nonResourceURLs: ['/a*', '*']\n  userGroups: [x]\n", "", "/a/b")
	f.Add("{", "", "")
	f.Fuzz(func(t *testing.T, policy, resource, path string) {
		p, err := audit.ParsePolicy([]byte(policy))
		if err != nil {
			require.Nil(t, p)
			return
		}
		a := &apiserver.Attributes{Verb: "get", Path: path}
		a.Resource.Resource = resource
		levels := []auditv1.Level{auditv1.LevelNone, auditv1.LevelMetadata, auditv1.LevelRequest, auditv1.LevelRequestResponse}
		require.Contains(t, levels, p.Rule(a).Level)
	})
}
