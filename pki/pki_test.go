package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/pki"
)

func TestOpen_findsWhatItMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	first, err := pki.Open(dir)
	require.NoError(t, err)
	cert, err := first.ServerCert(pki.APIServerName, "127.0.0.1", "kubernetes.default.svc")
	require.NoError(t, err)

	second, err := pki.Open(dir)
	require.NoError(t, err)
	require.Equal(t, first.CAPEM(), second.CAPEM())
	require.True(t, first.ServiceAccountKey().Equal(second.ServiceAccountKey()))
	again, err := second.ServerCert(pki.APIServerName, "127.0.0.1")
	require.NoError(t, err)
	require.Equal(t, cert.Leaf.Raw, again.Leaf.Raw, "a certificate that covers the hosts is used again")

	wider, err := second.ServerCert(pki.APIServerName, "127.0.0.1", "10.0.0.7")
	require.NoError(t, err)
	require.NotEqual(t, cert.Leaf.Raw, wider.Leaf.Raw, "one that lacks a host is not")
	require.NoError(t, wider.Leaf.VerifyHostname("10.0.0.7"))
}

func TestOpen_writesForItsOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no file modes")
	}
	dir := filepath.Join(t.TempDir(), "pki")
	p, err := pki.Open(dir)
	require.NoError(t, err)
	_, err = p.ServerCert("kubelet", "node-1")
	require.NoError(t, err)
	require.NoError(t, p.WriteKubeconfig(filepath.Join(dir, "conf", "admin.conf"), pki.Kubeconfig{
		Server: "https://127.0.0.1:6443", User: pki.UserAdmin, Groups: []string{pki.GroupMasters},
	}))
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
		files = append(files, d.Name())
		return nil
	}))
	require.ElementsMatch(t, []string{"ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "sa.pub", "kubelet.crt", "kubelet.key", "admin.conf"}, files)
}

func TestOpen_damage(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"a key that is no key": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.key"), []byte("rubbish"), 0o600))
		},
		"a certificate cut short": func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "ca.crt"), 100))
		},
		"a certificate without its key": func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, "ca.key")))
		},
		"another authority's key": func(t *testing.T, dir string) {
			other := t.TempDir()
			_, err := pki.Open(other)
			require.NoError(t, err)
			key, err := os.ReadFile(filepath.Join(other, "ca.key"))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "ca.key"), key, 0o600))
		},
		"an empty signing key": func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, "sa.key"), 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := pki.Open(dir)
			require.NoError(t, err)
			damage(t, dir)
			before := readAll(t, dir)
			_, err = pki.Open(dir)
			require.ErrorIs(t, err, pki.ErrCorrupt)
			require.Contains(t, err.Error(), dir, "the error names the file")
			require.Equal(t, before, readAll(t, dir), "what is damaged is left alone")
		})
	}
}

func TestOpen_finishesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	_, err := pki.Open(dir)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(dir, "ca.crt"))) // the key was written first
	_, err = pki.Open(dir)
	require.NoError(t, err)
}

func readAll(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}

// handshake connects a client to a server in memory and returns whom the server
// saw, and both ends' errors.
func handshake(server, client *tls.Config) (*tls.ConnectionState, error, error) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	done := make(chan error, 1)
	conn := tls.Server(a, server)
	go func() {
		err := conn.Handshake()
		if err != nil {
			a.Close()
		}
		done <- err
	}()
	clientConn := tls.Client(b, client)
	clientErr := clientConn.Handshake()
	if clientErr == nil {
		go func() { _, _ = clientConn.Read(make([]byte, 1)) }() // takes the server's session tickets
	} else {
		b.Close()
	}
	serverErr := <-done
	state := conn.ConnectionState()
	return &state, serverErr, clientErr
}

func TestTLS(t *testing.T) {
	p, err := pki.New()
	require.NoError(t, err)
	stranger, err := pki.New()
	require.NoError(t, err)
	server, err := p.ServerTLS(pki.APIServerName, "server", "10.0.0.1")
	require.NoError(t, err)

	t.Run("a client of ours is known by its subject", func(t *testing.T) {
		client, err := p.ClientTLS("alice", "dev", "ops")
		require.NoError(t, err)
		client.ServerName = "server"
		state, serverErr, clientErr := handshake(server, client)
		require.NoError(t, serverErr)
		require.NoError(t, clientErr)
		subject := state.PeerCertificates[0].Subject
		require.Equal(t, "alice", subject.CommonName)
		require.Equal(t, []string{"dev", "ops"}, subject.Organization)
	})
	t.Run("a client without a certificate may come in", func(t *testing.T) {
		state, serverErr, clientErr := handshake(server, &tls.Config{RootCAs: p.Roots(), ServerName: "10.0.0.1"})
		require.NoError(t, serverErr)
		require.NoError(t, clientErr)
		require.Empty(t, state.PeerCertificates)
	})
	t.Run("a certificate of another authority of the same name is refused", func(t *testing.T) {
		forged, err := stranger.ClientCert("kubernetes-admin", pki.GroupMasters)
		require.NoError(t, err)
		_, serverErr, _ := handshake(server, &tls.Config{RootCAs: p.Roots(), ServerName: "server", Certificates: []tls.Certificate{*forged}})
		require.ErrorContains(t, serverErr, "certificate")
	})
	t.Run("a server's certificate is no client's", func(t *testing.T) {
		cert, err := p.ServerCert("kubelet", "system:apiserver")
		require.NoError(t, err)
		_, serverErr, _ := handshake(server, &tls.Config{RootCAs: p.Roots(), ServerName: "server", Certificates: []tls.Certificate{*cert}})
		require.ErrorContains(t, serverErr, "incompatible key usage")
	})
	t.Run("a client refuses a server of another authority", func(t *testing.T) {
		client, err := stranger.ClientTLS("alice")
		require.NoError(t, err)
		client.ServerName = "server"
		_, _, clientErr := handshake(server, client)
		require.ErrorContains(t, clientErr, "unknown authority")
	})
}

func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := pki.New()
		require.NoError(t, err)
		server, err := p.ServerTLS("api", "server")
		require.NoError(t, err)
		client, err := p.ClientTLS("alice")
		require.NoError(t, err)
		client.ServerName = "server"

		first, err := server.GetCertificate(nil)
		require.NoError(t, err)
		time.Sleep(200 * 24 * time.Hour)
		same, err := server.GetCertificate(nil)
		require.NoError(t, err)
		require.Equal(t, first.Leaf.SerialNumber, same.Leaf.SerialNumber)

		time.Sleep(100 * 24 * time.Hour)
		renewed, err := server.GetCertificate(nil)
		require.NoError(t, err)
		require.NotEqual(t, first.Leaf.SerialNumber, renewed.Leaf.SerialNumber)

		time.Sleep(3 * 365 * 24 * time.Hour)
		_, err = renewed.Leaf.Verify(x509.VerifyOptions{Roots: p.Roots()})
		require.ErrorContains(t, err, "expired")
		_, serverErr, clientErr := handshake(server, client)
		require.NoError(t, serverErr, "years later both ends have signed anew")
		require.NoError(t, clientErr)
	})
}

func TestCA_isSignedAnewInItsLastYear(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first, err := pki.Open(dir)
		require.NoError(t, err)
		time.Sleep(9*365*24*time.Hour + time.Hour)
		cert, err := first.ClientCert("alice")
		require.NoError(t, err)
		second, err := pki.Open(dir)
		require.NoError(t, err)
		require.NotEqual(t, first.CAPEM(), second.CAPEM())
		_, err = cert.Leaf.Verify(x509.VerifyOptions{Roots: second.Roots(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		require.NoError(t, err, "what the old certificate signed stays good")
	})
}

func TestKubeconfig(t *testing.T) {
	p, err := pki.New()
	require.NoError(t, err)
	data, err := p.Kubeconfig(pki.Kubeconfig{Server: "https://127.0.0.1:6443", User: "alice", Groups: []string{"dev"}})
	require.NoError(t, err)
	var file struct {
		CurrentContext string `json:"current-context"`
		Users          []struct {
			User struct {
				Cert []byte `json:"client-certificate-data"`
				Key  []byte `json:"client-key-data"`
			}
		}
		Clusters []struct {
			Cluster struct {
				Server string
				CA     []byte `json:"certificate-authority-data"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(data, &file))
	require.Equal(t, "alice@coracle", file.CurrentContext)
	require.Equal(t, "https://127.0.0.1:6443", file.Clusters[0].Cluster.Server)
	require.Equal(t, p.CAPEM(), file.Clusters[0].Cluster.CA)
	cert, err := tls.X509KeyPair(file.Users[0].User.Cert, file.Users[0].User.Key)
	require.NoError(t, err)
	require.Equal(t, "alice", cert.Leaf.Subject.CommonName)
}

func TestKubeconfig_ofAServer(t *testing.T) {
	p, err := pki.New()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "node.conf")
	require.NoError(t, p.WriteKubeconfig(path, pki.Kubeconfig{
		Server: "https://127.0.0.1:6443", User: pki.NodeUser("a"), Groups: []string{pki.GroupNodes},
		Hosts: []string{"10.0.0.1", "a"},
	}))
	config, err := client.KubeconfigTLS(path)
	require.NoError(t, err)
	require.True(t, config.RootCAs.Equal(p.Roots()))
	cert := config.Certificates[0].Leaf
	require.Equal(t, "system:node:a", cert.Subject.CommonName)
	for _, host := range []string{"10.0.0.1", "a"} {
		_, err := cert.Verify(x509.VerifyOptions{DNSName: host, Roots: p.Roots()})
		require.NoError(t, err)
	}
	_, err = cert.Verify(x509.VerifyOptions{Roots: p.Roots(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
}
