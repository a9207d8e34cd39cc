package encryption_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver/encryption"
	"github.com/coracle-k8s/coracle/store/memstore"
)

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"

// secret is a key of n bytes, all of them b.
func secret(b byte, n int) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), n)))
}

func gcm(name string, b byte) string {
	return fmt.Sprintf("{aesgcm: {keys: [{name: %s, secret: %s}]}}", name, secret(b, 32))
}

// shown are rules as "PREFIX: PREFIXES OF PROVIDERS".
func shown(t *testing.T, text string) string {
	t.Helper()
	rules, err := encryption.Parse([]byte(text), kinds.Registry().All())
	require.NoError(t, err, text)
	var lines []string
	for _, r := range rules {
		var providers []string
		for _, p := range r.Providers {
			providers = append(providers, strings.TrimSuffix(strings.TrimPrefix(p.Prefix(), "k8s:enc:"), ":"))
		}
		lines = append(lines, r.Prefix+" "+strings.Join(providers, ","))
	}
	return strings.Join(lines, "\n")
}

// TestParse turns what objects are called into where they are kept.
func TestParse(t *testing.T) {
	a := gcm("a", 'a')
	require.Equal(t, "/registry/secrets/ aesgcm:v1:a,\n/registry/deployments/ aesgcm:v1:a,\n/registry/example.com/pandas/ aesgcm:v1:a,",
		shown(t, head+"- {resources: [secrets, deployments.apps, pandas.example.com], providers: ["+a+", {identity: {}}]}"))
	require.Equal(t, "/registry/masterleases/ \n/registry/peerserverleases/ \n/registry/ranges/ \n/registry/ aesgcm:v1:a", shown(t, head+"- {resources: ['*.*'], providers: ["+a+"]}"))
	require.Equal(t, "/registry/example.com/ aesgcm:v1:a", shown(t, head+"- {resources: ['*.example.com'], providers: ["+a+"]}"))

	apps := shown(t, head+"- {resources: ['*.apps'], providers: ["+a+"]}")
	for _, kept := range []string{"deployments", "replicasets", "daemonsets", "statefulsets", "controllerrevisions", "apps"} {
		require.Contains(t, apps, "/registry/"+kept+"/ ")
	}
	core := shown(t, head+"- {resources: [configmaps], providers: [{identity: {}}]}\n- {resources: ['*.'], providers: ["+a+"]}")
	require.True(t, strings.HasPrefix(core, "/registry/configmaps/ \n"), "what is special stands first")
	for _, kept := range []string{"secrets", "services/specs", "services/endpoints", "minions", "pods"} {
		require.Contains(t, core, "/registry/"+kept+"/ aesgcm:v1:a")
	}
	require.NotContains(t, core, "/registry/deployments/")

	twice := shown(t, head+"- {resources: [secrets], providers: ["+a+"]}\n- {resources: [secrets], providers: ["+gcm("b", 'b')+"]}")
	require.Equal(t, "/registry/secrets/ aesgcm:v1:a,aesgcm:v1:b", twice)
	keys := fmt.Sprintf("{secretbox: {keys: [{name: x, secret: %s}, {name: z, secret: %s}]}}", secret('x', 32), secret('z', 32))
	require.Equal(t, "/registry/secrets/ secretbox:v1:x,secretbox:v1:z", shown(t, head+"- {resources: [secrets], providers: ["+keys+"]}"))
}

// TestParse_refuses says what is wrong, where, and never what the secret is.
func TestParse_refuses(t *testing.T) {
	a := gcm("a", 'a')
	section := func(resources, providers string) string {
		return head + "- {resources: [" + resources + "], providers: [" + providers + "]}"
	}
	for text, want := range map[string]string{
		"":        `it is apiVersion "", kind ""`,
		"kind: [": "it is no YAML",
		"apiVersion: v1\nkind: EncryptionConfiguration": `apiVersion "v1"`,
		strings.TrimSuffix(head, "resources:\n"):        "resources: Required value",
		section("", a):                                  "resources[0].resources: Required value",
		section("secrets", ""):                          "resources[0].providers: Required value",
		section("secret", a):                            `resources[0].resources[0]: Invalid value: "secret": there is no such resource`,
		section("Secrets", a):                           "should not contain capital letters",
		section("'*'", a):                               "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources",
		section("secrets.*", a):                         "use '*.'",
		section("events.events.k8s.io", a):              "Use 'events' instead",
		section("secrets, secrets", a):                  "cannot be specified multiple times",
		section("'*.', secrets", a):                     `resources[0].resources[1]: Invalid value: "secrets": resource is masked by earlier rule "*."`,
		section("'*.*'", a) + "\n- {resources: [deployments.apps], providers: [" + a + "]}": `masked by earlier rule "*.*"`,
		section("secrets", "{}"):                                                  "does not contain any of the expected providers",
		section("secrets", "{identity: {}, secretbox: {}}"):                       "more than one provider",
		section("secrets", "{aescbc: {keys: []}}"):                                "providers[0].aescbc: Forbidden",
		section("secrets", "{kms: {name: x}}"):                                    "providers[0].kms: Forbidden",
		section("secrets", "{aesgcm: {}}"):                                        "providers[0].aesgcm.keys: Required value",
		section("secrets", "{aesgcm: {keys: [{secret: aaaa}]}}"):                  "keys[0].name: Required value",
		section("secrets", "{aesgcm: {keys: [{name: a, secret: hunter2!}]}}"):     "secrets must be base64 encoded",
		section("secrets", "{aesgcm: {keys: [{name: a, secret: aHVudGVyMg==}]}}"): "invalid key size 7",
		section("secrets", "{aesgmc: {}}"):                                        "unknown field",
	} {
		_, err := encryption.Parse([]byte(text), kinds.Registry().All())
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "aHVudGVyMg")
	}
	_, err := encryption.New(nil, encryption.Options{Path: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestEncryption_reload goes on with a new key, and does not with a bad file.
func TestEncryption_reload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := memstore.New()
		defer inner.Close()
		path := filepath.Join(t.TempDir(), "keys.yaml")
		write := func(providers string) {
			require.NoError(t, os.WriteFile(path, []byte(head+"- {resources: [secrets], providers: ["+providers+"]}"), 0o600))
		}
		write(gcm("one", '1'))
		e, err := encryption.New(inner, encryption.Options{Path: path, Resources: kinds.Registry().All(), Reload: true})
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- e.Run(t.Context()) }()
		kept := func(key string) string {
			_, err := e.Store().Create(t.Context(), "/registry/secrets/a/"+key, []byte("value"), 0)
			require.NoError(t, err)
			kv, _, err := inner.Get(t.Context(), "/registry/secrets/a/"+key, 0)
			require.NoError(t, err)
			return string(kv.Value)
		}
		require.Contains(t, kept("a"), "aesgcm:v1:one:")
		write(gcm("two", '2') + "," + gcm("one", '1'))
		require.Contains(t, kept("b"), "aesgcm:v1:one:", "nobody has looked yet")
		time.Sleep(61 * time.Second)
		require.Contains(t, kept("c"), "aesgcm:v1:two:")
		kv, _, err := e.Store().Get(t.Context(), "/registry/secrets/a/a", 0)
		require.NoError(t, err)
		require.Equal(t, "value", string(kv.Value))
		require.True(t, kv.Stale)
		write("nonsense")
		time.Sleep(time.Minute)
		require.Contains(t, kept("d"), "aesgcm:v1:two:")
	})
}

func ExampleParse() {
	rules, err := encryption.Parse([]byte(`
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets, pandas.example.com]
  providers:
  - aesgcm: {keys: [{name: key1, secret: c2VjcmV0IGlzIHNlY3VyZSwgb3IgaXMgaXQ/IGhtbT8=}]}
  - identity: {}
`), kinds.Registry().All())
	if err != nil {
		panic(err)
	}
	for _, r := range rules {
		fmt.Println(r.Prefix, r.Providers[0].Prefix())
	}
	// Output:
	// /registry/secrets/ k8s:enc:aesgcm:v1:key1:
	// /registry/example.com/pandas/ k8s:enc:aesgcm:v1:key1:
}
