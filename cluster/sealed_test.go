package cluster_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	migrationv1 "k8s.io/api/storagemigration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/store/memstore"
	"github.com/coracle-k8s/coracle/store/sealed"
)

// TestConfig_Sealed keeps secrets encrypted, and clients read them all the same.
func TestConfig_Sealed(t *testing.T) {
	st := memstore.New()
	defer st.Close()
	provider, err := sealed.AESGCM("key1", bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	c, err := cluster.New(cluster.Config{
		Store:   st,
		Without: []string{cluster.Scheduler, cluster.ControllerManager},
		Sealed:  []sealed.Rule{{Prefix: "/registry/secrets/", Providers: []sealed.Provider{provider}}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	<-c.Ready()

	secrets := client.For[*corev1.Secret](c.Admin())
	_, err = secrets.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"}, Data: map[string][]byte{"password": []byte("swordfish")},
	})
	require.NoError(t, err)
	found, err := secrets.Get(ctx, "default", "db")
	require.NoError(t, err)
	require.Equal(t, "swordfish", string(found.Data["password"]))
	raw, _, err := st.Get(ctx, "/registry/secrets/default/db", 0)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(raw.Value, []byte("k8s:enc:aesgcm:v1:key1:")))
	require.NotContains(t, string(raw.Value), "swordfish")
	cancel()
	require.NoError(t, <-ended)
}

// TestConfig_EncryptionFile changes the key, and has an update that changes nothing
// write with the new one, as kubectl replace does.
func TestConfig_EncryptionFile(t *testing.T) {
	st := memstore.New()
	defer st.Close()
	path := filepath.Join(t.TempDir(), "keys.yaml")
	run := func(keys string, f func(secrets *client.Kind[*corev1.Secret])) {
		require.NoError(t, os.WriteFile(path, []byte(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers: [{aesgcm: {keys: [`+keys+`]}}]
`), 0o600))
		c, err := cluster.New(cluster.Config{
			Store: st, Without: []string{cluster.Scheduler, cluster.ControllerManager}, EncryptionFile: path,
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		<-c.Ready()
		f(client.For[*corev1.Secret](c.Admin()))
		cancel()
		require.NoError(t, <-ended)
	}
	kept := func() string {
		raw, _, err := st.Get(t.Context(), "/registry/secrets/default/db", 0)
		require.NoError(t, err)
		return string(raw.Value)
	}
	const one, two = "{name: one, secret: MTExMTExMTExMTExMTExMQ==}", "{name: two, secret: MjIyMjIyMjIyMjIyMjIyMg==}"
	run(one, func(secrets *client.Kind[*corev1.Secret]) {
		_, err := secrets.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"}})
		require.NoError(t, err)
	})
	require.True(t, strings.HasPrefix(kept(), "k8s:enc:aesgcm:v1:one:"))
	run(two+", "+one, func(secrets *client.Kind[*corev1.Secret]) {
		found, err := secrets.Get(t.Context(), "default", "db")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(kept(), "k8s:enc:aesgcm:v1:one:"), "reading writes nothing")
		again, err := secrets.Update(t.Context(), found)
		require.NoError(t, err)
		require.NotEqual(t, found.ResourceVersion, again.ResourceVersion)
		before := kept()
		require.True(t, strings.HasPrefix(before, "k8s:enc:aesgcm:v1:two:"))
		_, err = secrets.Update(t.Context(), again)
		require.NoError(t, err)
		require.Equal(t, before, kept(), "what is not stale is not written")
	})
	run(two, func(secrets *client.Kind[*corev1.Secret]) {
		_, err := secrets.Get(t.Context(), "default", "db")
		require.NoError(t, err)
	})
}

// TestConfig_ReloadEncryption changes the key while the cluster runs, and has a
// migration write the secrets anew.
func TestConfig_ReloadEncryption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		defer st.Close()
		path := filepath.Join(t.TempDir(), "keys.yaml")
		write := func(keys string) {
			require.NoError(t, os.WriteFile(path, []byte(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers: [{aesgcm: {keys: [`+keys+`]}}]
`), 0o600))
		}
		const one, two = "{name: one, secret: MTExMTExMTExMTExMTExMQ==}", "{name: two, secret: MjIyMjIyMjIyMjIyMjIyMg==}"
		write(one)
		c, err := cluster.New(cluster.Config{Store: st, EncryptionFile: path, ReloadEncryption: true})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		<-c.Ready()
		_, err = client.For[*corev1.Secret](c.Admin()).Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "db"}})
		require.NoError(t, err)
		write(two + ", " + one)
		time.Sleep(2 * time.Minute)
		kept := func() string {
			raw, _, err := st.Get(ctx, "/registry/secrets/default/db", 0)
			require.NoError(t, err)
			return string(raw.Value)
		}
		require.True(t, strings.HasPrefix(kept(), "k8s:enc:aesgcm:v1:one:"))
		_, err = client.For[*migrationv1.StorageVersionMigration](c.Admin()).Create(ctx, &migrationv1.StorageVersionMigration{
			ObjectMeta: metav1.ObjectMeta{Name: "rotate"},
			Spec:       migrationv1.StorageVersionMigrationSpec{Resource: metav1.GroupResource{Resource: "secrets"}},
		})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.True(t, strings.HasPrefix(kept(), "k8s:enc:aesgcm:v1:two:"))
		cancel()
		require.NoError(t, <-ended)
	})
}
