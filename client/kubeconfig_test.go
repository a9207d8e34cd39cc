package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/client"
)

// whoami answers with the credentials it was shown.
func whoami(t *testing.T) (server *httptest.Server, authority string) {
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("Authorization"))
		for _, cert := range r.TLS.PeerCertificates {
			fmt.Fprint(w, "certificate of ", cert.Subject.Organization)
		}
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server, base64.StdEncoding.EncodeToString(ca)
}

func write(t *testing.T, dir, name, content string) string {
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func kubeconfig(server, cluster, user string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: elsewhere, context: {cluster: none, user: none}}
- {name: here, context: {cluster: c, user: u}}
clusters:
- name: c
  cluster: {server: "%s", %s}
users:
- name: u
  user: {%s}
`, server, cluster, user)
}

func TestFromKubeconfig(t *testing.T) {
	server, ca := whoami(t)
	trust := "certificate-authority-data: " + ca
	dir := t.TempDir()
	token := write(t, dir, "token", "from-a-file\n")
	pemCA, err := base64.StdEncoding.DecodeString(ca)
	require.NoError(t, err)
	write(t, dir, "ca.pem", string(pemCA))
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	pair := "client-certificate: ca.pem, client-key-data: " +
		base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	for _, test := range []struct{ name, cluster, user, want string }{
		{"client certificate", trust, pair, "certificate of [Acme Co]"},
		{"token", trust, "token: secret", "Bearer secret"},
		{"token in a file", trust, "tokenFile: " + token, "Bearer from-a-file"},
		{"token in a file beside the kubeconfig", trust, "tokenFile: token", "Bearer from-a-file"},
		{"password", trust, "username: u, password: p", "Basic dTpw"},
		{"nobody", trust, "", ""},
		{"authority in a file", "certificate-authority: ca.pem", "", ""},
		{"anybody's server", "insecure-skip-tls-verify: true", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, dir, "config", kubeconfig(server.URL, test.cluster, test.user))
			c, err := client.FromKubeconfig(path)
			require.NoError(t, err)
			var who string
			require.NoError(t, c.Do(t.Context(), http.MethodGet, "/", nil, nil, &who))
			require.Equal(t, test.want, who)
		})
	}
	t.Run("a token that is replaced", func(t *testing.T) {
		c, err := client.FromKubeconfig(write(t, dir, "config", kubeconfig(server.URL, trust, "tokenFile: token")))
		require.NoError(t, err)
		write(t, dir, "token", "newer")
		var who string
		require.NoError(t, c.Do(t.Context(), http.MethodGet, "/", nil, nil, &who))
		require.Equal(t, "Bearer newer", who)
	})
	t.Run("an unknown server", func(t *testing.T) {
		c, err := client.FromKubeconfig(write(t, dir, "config", kubeconfig(server.URL, "tls-server-name: other", "")))
		require.NoError(t, err)
		require.ErrorIs(t, c.Do(t.Context(), http.MethodGet, "/", nil, nil, nil), client.ErrNoServer)
	})
}

func TestFromKubeconfig_RefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, content, want string }{
		{"empty", "", "current-context is not set"},
		{"not YAML", "\t{", "config: "},
		{"no such context", "current-context: x", `there is no context "x"`},
		{"no such cluster", "current-context: x\ncontexts: [{name: x, context: {cluster: sea}}]", `there is no cluster "sea"`},
		{"plugin", kubeconfig("https://s", "", "exec: {command: x}"), "credential plugins (exec) are not supported"},
		{"auth-provider", kubeconfig("https://s", "", "auth-provider: {name: x}"), "auth-provider is not supported"},
		{"impersonation", kubeconfig("https://s", "", "as: root"), "impersonation (as) is not supported"},
		{"no server", kubeconfig("", "", ""), "the cluster has no server"},
		{"bad authority", kubeconfig("https://s", "certificate-authority-data: eA==", ""), "no certificate in PEM form"},
		{"certificate without a key", kubeconfig("https://s", "", "client-certificate-data: eA=="), "client certificate: "},
		{"missing file", kubeconfig("https://s", "certificate-authority: none.pem", ""), "none.pem"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := client.FromKubeconfig(write(t, dir, "config", test.content))
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "kubeconfig "+dir)
		})
	}
	_, err := client.FromKubeconfig(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzFromKubeconfig(f *testing.F) {
	f.Add([]byte(kubeconfig("https://s", "insecure-skip-tls-verify: true", "token: x")))
	f.Add([]byte("current-context: x\ncontexts: [{}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := client.FromKubeconfig(write(t, t.TempDir(), "config", string(data)))
		require.Equal(t, err == nil, c != nil) // and no panic
	})
}
