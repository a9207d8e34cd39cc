package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// kubeconfig is the part of a kubeconfig file that we understand. Its form is
// that of https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/.
type kubeconfig struct {
	CurrentContext string             `json:"current-context"`
	Clusters       []named[kcCluster] `json:"clusters"`
	Users          []named[kcUser]    `json:"users"`
	Contexts       []named[kcContext] `json:"contexts"`
}

// named is an entry of one of the lists of a kubeconfig, whose value has the
// list's name in the singular.
type named[V any] struct {
	Name    string `json:"name"`
	Cluster V      `json:"cluster"`
	User    V      `json:"user"`
	Context V      `json:"context"`
}

type kcCluster struct {
	Server                   string `json:"server"`
	TLSServerName            string `json:"tls-server-name"`
	InsecureSkipTLSVerify    bool   `json:"insecure-skip-tls-verify"`
	CertificateAuthority     string `json:"certificate-authority"`
	CertificateAuthorityData []byte `json:"certificate-authority-data"`
	ProxyURL                 string `json:"proxy-url"`
}

type kcUser struct {
	ClientCertificate     string         `json:"client-certificate"`
	ClientCertificateData []byte         `json:"client-certificate-data"`
	ClientKey             string         `json:"client-key"`
	ClientKeyData         []byte         `json:"client-key-data"`
	Token                 string         `json:"token"`
	TokenFile             string         `json:"tokenFile"`
	Username              string         `json:"username"`
	Password              string         `json:"password"`
	Impersonate           string         `json:"as"`
	Exec                  map[string]any `json:"exec"`
	AuthProvider          map[string]any `json:"auth-provider"`
}

type kcContext struct {
	Cluster string `json:"cluster"`
	User    string `json:"user"`
}

// FromKubeconfig returns a client for the current context of a kubeconfig file.
// It understands certificate authorities, client certificates, bearer tokens,
// passwords and proxies, inline or in files (relative to the kubeconfig); credential plugins
// (exec, auth-provider) and impersonation are refused.
func FromKubeconfig(path string) (*Client, error) {
	transport, baseURL, err := FromKubeconfigTransport(path)
	if err != nil {
		return nil, err
	}
	return New(Config{BaseURL: baseURL, Transport: transport})
}

// FromKubeconfigTransport returns the transport and the server's URL that
// [FromKubeconfig] uses, for those who want a client with other settings.
func FromKubeconfigTransport(path string) (http.RoundTripper, string, error) {
	transport, baseURL, err := loadKubeconfig(path)
	if err != nil {
		return nil, "", fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	return transport, baseURL, nil
}

// KubeconfigTLS returns how the current context of a kubeconfig file has its user
// known and its server trusted: the client certificate, if there is one, and the
// authority. It is for programs that are servers under the same identity.
func KubeconfigTLS(path string) (*tls.Config, error) {
	config, err := kubeconfigTLS(path)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	return config, nil
}

func kubeconfigTLS(path string) (*tls.Config, error) {
	config, err := readKubeconfig(path)
	if err != nil {
		return nil, err
	}
	cluster, user, err := config.current()
	if err != nil {
		return nil, err
	}
	transport := new(http.Transport)
	if transport.TLSClientConfig, err = cluster.tls(filepath.Dir(path)); err != nil {
		return nil, err
	}
	_, err = user.authenticate(filepath.Dir(path), transport)
	return transport.TLSClientConfig, err
}

func readKubeconfig(path string) (*kubeconfig, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := new(kubeconfig)
	return config, yaml.Unmarshal(data, config)
}

func loadKubeconfig(path string) (http.RoundTripper, string, error) {
	config, err := readKubeconfig(path)
	if err != nil {
		return nil, "", err
	}
	cluster, user, err := config.current()
	if err != nil {
		return nil, "", err
	}
	dir := filepath.Dir(path)
	tlsConfig, err := cluster.tls(dir)
	if err != nil {
		return nil, "", err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = tlsConfig
	// A watch may be silent for long: pings tell a silent server from a dead one.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second}
	if cluster.ProxyURL != "" {
		proxy, err := url.Parse(cluster.ProxyURL)
		if err != nil {
			return nil, "", fmt.Errorf("proxy-url: %w", err)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	authenticated, err := user.authenticate(dir, transport)
	return authenticated, cluster.Server, err
}

// current returns the cluster and user of the current context.
func (c *kubeconfig) current() (kcCluster, kcUser, error) {
	fail := func(what, name string) (kcCluster, kcUser, error) {
		return kcCluster{}, kcUser{}, fmt.Errorf("there is no %s %q", what, name)
	}
	if c.CurrentContext == "" {
		return kcCluster{}, kcUser{}, errors.New("current-context is not set")
	}
	entry, ok := find(c.Contexts, c.CurrentContext)
	if !ok {
		return fail("context", c.CurrentContext)
	}
	cluster, ok := find(c.Clusters, entry.Context.Cluster)
	if !ok {
		return fail("cluster", entry.Context.Cluster)
	}
	if entry.Context.User == "" {
		return cluster.Cluster, kcUser{}, nil
	}
	user, ok := find(c.Users, entry.Context.User)
	if !ok {
		return fail("user", entry.Context.User)
	}
	return cluster.Cluster, user.User, nil
}

func find[V any](list []named[V], name string) (named[V], bool) {
	for _, entry := range list {
		if entry.Name == name {
			return entry, true
		}
	}
	return named[V]{}, false
}

// tls returns how to know the server.
func (c *kcCluster) tls(dir string) (*tls.Config, error) {
	if c.Server == "" {
		return nil, errors.New("the cluster has no server")
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         c.TLSServerName,
		InsecureSkipVerify: c.InsecureSkipTLSVerify, // what the file asks for
	}
	authority, err := dataOrFile(c.CertificateAuthorityData, c.CertificateAuthority, dir)
	if err != nil || authority == nil {
		return config, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		return nil, errors.New("certificate-authority has no certificate in PEM form")
	}
	return config, nil
}

// authenticate makes the transport say who the user is.
func (u *kcUser) authenticate(dir string, transport *http.Transport) (http.RoundTripper, error) {
	switch {
	case u.Exec != nil:
		return nil, errors.New("credential plugins (exec) are not supported")
	case u.AuthProvider != nil:
		return nil, errors.New("auth-provider is not supported")
	case u.Impersonate != "":
		return nil, errors.New("impersonation (as) is not supported")
	}
	certificate, err := dataOrFile(u.ClientCertificateData, u.ClientCertificate, dir)
	if err != nil {
		return nil, err
	}
	key, err := dataOrFile(u.ClientKeyData, u.ClientKey, dir)
	if err != nil {
		return nil, err
	}
	if certificate != nil || key != nil {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	switch {
	case u.TokenFile != "":
		return &withToken{next: transport, file: inDir(dir, u.TokenFile)}, nil
	case u.Token != "":
		return &withToken{next: transport, token: u.Token}, nil
	case u.Username != "":
		return &withPassword{next: transport, user: u.Username, password: u.Password}, nil
	}
	return transport, nil
}

// dataOrFile returns inline data, or the content of the file, or nil for neither.
func dataOrFile(data []byte, file, dir string) ([]byte, error) {
	if len(data) > 0 || file == "" {
		return data, nil
	}
	return os.ReadFile(inDir(dir, file))
}

func inDir(dir, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(dir, file)
}

// withToken sends a bearer token. One from a file is read for each request, since such tokens
// are replaced before they expire.
type withToken struct {
	next        http.RoundTripper
	token, file string
}

// RoundTrip implements http.RoundTripper.
func (t *withToken) RoundTrip(req *http.Request) (*http.Response, error) {
	token := t.token
	if t.file != "" {
		data, err := os.ReadFile(t.file)
		if err != nil {
			closeBody(req)
			return nil, fmt.Errorf("read token: %w", err)
		}
		token = strings.TrimSpace(string(data))
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return t.next.RoundTrip(req)
}

// withPassword sends a user's name and password.
type withPassword struct {
	next           http.RoundTripper
	user, password string
}

// RoundTrip implements http.RoundTripper.
func (t *withPassword) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.SetBasicAuth(t.user, t.password)
	return t.next.RoundTrip(req)
}
