package pki

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

// A Kubeconfig says which cluster to talk to, and as whom. It has no client
// certificate if User is empty.
type Kubeconfig struct {
	// Server is the API server's URL, such as https://127.0.0.1:6443.
	Server string
	// Cluster names the cluster, by default "coracle".
	Cluster string
	// User and Groups are the identity to sign a certificate for.
	User   string
	Groups []string
	// Hosts are names and addresses at which the user is a server itself, as a
	// kubelet is: the certificate is good for that too.
	Hosts []string
}

// The parts of the file format, of which we write the little that we need
// (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/).
type (
	kubeconfigFile struct {
		APIVersion     string           `json:"apiVersion"`
		Kind           string           `json:"kind"`
		CurrentContext string           `json:"current-context"`
		Clusters       []kubeconfigItem `json:"clusters"`
		Users          []kubeconfigItem `json:"users"`
		Contexts       []kubeconfigItem `json:"contexts"`
	}
	kubeconfigItem struct {
		Name    string             `json:"name"`
		Cluster *kubeconfigCluster `json:"cluster,omitempty"`
		User    *kubeconfigUser    `json:"user,omitempty"`
		Context *kubeconfigContext `json:"context,omitempty"`
	}
	kubeconfigCluster struct {
		Server string `json:"server"`
		CA     []byte `json:"certificate-authority-data"`
	}
	kubeconfigUser struct {
		Cert []byte `json:"client-certificate-data,omitempty"`
		Key  []byte `json:"client-key-data,omitempty"`
	}
	kubeconfigContext struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	}
)

// Kubeconfig returns a kubeconfig file with a new client certificate in it.
// Whoever reads it is that user for a year.
func (p *PKI) Kubeconfig(k Kubeconfig) ([]byte, error) {
	if k.Cluster == "" {
		k.Cluster = "coracle"
	}
	user := kubeconfigUser{}
	if k.User != "" {
		cert, err := p.clientCert(k.User, k.Groups, k.Hosts)
		if err != nil {
			return nil, err
		}
		key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("encode key: %w", err)
		}
		user.Cert = encodePEM("CERTIFICATE", cert.Leaf.Raw)
		user.Key = encodePEM("PRIVATE KEY", key)
	}
	context := k.User + "@" + k.Cluster
	return yaml.Marshal(kubeconfigFile{
		APIVersion:     "v1",
		Kind:           "Config",
		CurrentContext: context,
		Clusters:       []kubeconfigItem{{Name: k.Cluster, Cluster: &kubeconfigCluster{Server: k.Server, CA: p.caPEM}}},
		Users:          []kubeconfigItem{{Name: k.User, User: &user}},
		Contexts:       []kubeconfigItem{{Name: context, Context: &kubeconfigContext{Cluster: k.Cluster, User: k.User}}},
	})
}

// WriteKubeconfig writes a kubeconfig file that only its owner may read. It
// replaces a file that is there; it does not merge.
func (p *PKI) WriteKubeconfig(path string, k Kubeconfig) error {
	data, err := p.Kubeconfig(k)
	if err != nil {
		return fmt.Errorf("write kubeconfig %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	if err := writeFile(path, data); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
