package store_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/etcdstore"
)

// sealingBy is an EncryptionConfiguration for everything, with two keys for secrets.
func sealingBy(t *testing.T, first, second string) string {
	t.Helper()
	key := func(name string) string {
		return `{name: ` + name + `, secret: ` + map[string]string{
			"one": "MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=", "two": "MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI=",
		}[name] + `}`
	}
	path := filepath.Join(t.TempDir(), "keys.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aesgcm: {keys: [`+key(first)+`, `+key(second)+`]}
- resources: ["*."]
  providers:
  - secretbox: {keys: [`+key(first)+`, `+key(second)+`]}
- resources: ["*.*"]
  providers:
  - aesgcm: {keys: [`+key("one")+`]}
`), 0o600))
	return path
}

// Everything in the store is encrypted, by the real kube-apiserver and by ours in
// turn, and each reads what the other has written, and writes it anew where its own
// first key is another.
func TestSealed(t *testing.T) {
	_, err := programs.Find("kube-apiserver")
	needs(t, err)
	st := program(t, programs.Coracle)
	etcd := dial(t, st)
	trust, err := pki.Open(t.TempDir())
	require.NoError(t, err)

	t.Run("theirs writes", func(t *testing.T) {
		c := sealedKube(t, st, trust, sealingBy(t, "one", "two"))
		createSealed(t, c, "theirs")
	})
	keptBy(t, etcd, "secrets/default/theirs", "aesgcm:v1:one:")
	keptBy(t, etcd, "configmaps/default/theirs", "secretbox:v1:one:")
	keptBy(t, etcd, "clusterroles/admin", "aesgcm:v1:one:")
	allSealed(t, etcd)

	t.Run("ours reads, and writes", func(t *testing.T) {
		c := sealedAPI(t, st, trust, sealingBy(t, "two", "one"))
		readSealed(t, c, "theirs")
		createSealed(t, c, "ours")
		rewrite(t, c, "theirs")
	})
	keptBy(t, etcd, "secrets/default/theirs", "aesgcm:v1:two:")
	keptBy(t, etcd, "secrets/default/ours", "aesgcm:v1:two:")
	keptBy(t, etcd, "configmaps/default/ours", "secretbox:v1:two:")
	allSealed(t, etcd)

	t.Run("theirs reads, and writes anew", func(t *testing.T) {
		c := sealedKube(t, st, trust, sealingBy(t, "one", "two"))
		readSealed(t, c, "theirs")
		readSealed(t, c, "ours")
		rewrite(t, c, "ours")
	})
	keptBy(t, etcd, "secrets/default/ours", "aesgcm:v1:one:")
}

// sealedKube runs the real kube-apiserver over the store for as long as the test.
func sealedKube(t *testing.T, st *programs.Program, trust *pki.PKI, keys string) *client.Client {
	t.Helper()
	k := &kube{store: st}
	var err error
	k.api, err = programs.KubeAPIServer(t.TempDir(), st, trust, t.Output(), "--encryption-provider-config", keys)
	require.NoError(t, err)
	require.NoError(t, k.api.Start())
	t.Cleanup(func() { require.NoError(t, k.api.Kill()) })
	secure, err := trust.ClientTLS(pki.UserAdmin, pki.GroupMasters)
	require.NoError(t, err)
	k.client, err = client.New(client.Config{
		BaseURL:   "https://" + k.api.Address,
		Transport: &http.Transport{TLSClientConfig: secure, ForceAttemptHTTP2: true},
	})
	require.NoError(t, err)
	k.ready(t)
	return k.client
}

// sealedAPI runs ours.
func sealedAPI(t *testing.T, st *programs.Program, trust *pki.PKI, keys string) *client.Client {
	t.Helper()
	s, err := etcdstore.Open(t.Context(), []string{st.Address}, etcdstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return runAPI(t, cluster.Config{PKI: trust, EncryptionFile: keys}, s)
}

func createSealed(t *testing.T, c *client.Client, name string) {
	t.Helper()
	_, err := client.For[*corev1.Secret](c).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Data: map[string][]byte{"password": []byte("swordfish")},
	})
	require.NoError(t, err)
	_, err = client.For[*corev1.ConfigMap](c).Create(t.Context(), configMap(name, "swordfish"))
	require.NoError(t, err)
}

func readSealed(t *testing.T, c *client.Client, name string) {
	t.Helper()
	s, err := client.For[*corev1.Secret](c).Get(t.Context(), "default", name)
	require.NoError(t, err)
	require.Equal(t, "swordfish", string(s.Data["password"]))
	m, err := client.For[*corev1.ConfigMap](c).Get(t.Context(), "default", name)
	require.NoError(t, err)
	require.Equal(t, "swordfish", m.Data["content"])
}

// rewrite updates a secret without a change.
func rewrite(t *testing.T, c *client.Client, name string) {
	t.Helper()
	secrets := client.For[*corev1.Secret](c)
	s, err := secrets.Get(t.Context(), "default", name)
	require.NoError(t, err)
	_, err = secrets.Update(t.Context(), s)
	require.NoError(t, err)
}

// keptBy is by which provider and key an object is encrypted in the store.
func keptBy(t *testing.T, etcd *clientv3.Client, key, provider string) {
	t.Helper()
	found, err := etcd.Get(context.WithoutCancel(t.Context()), "/registry/"+key)
	require.NoError(t, err)
	require.Len(t, found.Kvs, 1, key)
	require.True(t, strings.HasPrefix(string(found.Kvs[0].Value), "k8s:enc:"+provider), "%s: %.40q", key, found.Kvs[0].Value)
}

// allSealed is that no object in the store can be read without a key. What is no
// object, but kube-apiserver's own, can.
func allSealed(t *testing.T, etcd *clientv3.Client) {
	t.Helper()
	all, err := etcd.Get(t.Context(), "/registry/", clientv3.WithPrefix())
	require.NoError(t, err)
	require.NotEmpty(t, all.Kvs)
	for _, kv := range all.Kvs {
		kind := strings.Split(string(kv.Key), "/")[2]
		if kind == "masterleases" || kind == "peerserverleases" || kind == "ranges" {
			continue
		}
		if !strings.HasPrefix(string(kv.Value), "k8s:enc:") {
			t.Errorf("%s is not encrypted: %.40q", kv.Key, kv.Value)
		}
	}
}
