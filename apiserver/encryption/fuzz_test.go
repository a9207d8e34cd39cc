package encryption_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/encryption"
)

// FuzzParse makes rules only for objects, each with somebody who writes.
func FuzzParse(f *testing.F) {
	f.Add("secrets", "identity: {}")
	f.Add("'*.'", "aesgcm: {keys: [{name: a, secret: MTExMTExMTExMTExMTExMQ==}]}")
	f.Add("x.y.z, '*.*'", "kms: {}")
	resources := kinds.Registry().All()
	f.Fuzz(func(t *testing.T, names, provider string) {
		rules, err := encryption.Parse([]byte(head+"- {resources: ["+names+"], providers: [{"+provider+"}]}"), resources)
		if err != nil {
			require.Empty(t, rules)
		}
		for _, r := range rules {
			require.True(t, strings.HasPrefix(r.Prefix, "/registry/") && strings.HasSuffix(r.Prefix, "/"), r.Prefix)
			require.NotEmpty(t, r.Providers)
		}
	})
}
