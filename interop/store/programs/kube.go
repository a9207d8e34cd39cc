package programs

import (
	"io"
	"net"

	"github.com/coracle-k8s/coracle/pki"
)

// KubeAPIServer returns a real kube-apiserver on loopback over a server of etcd's
// API. Its certificates are those of trust, which is a directory; dir gets what it
// writes itself. Further flags come last, so they win. It is ready when its
// /readyz says so, which is not [Program.Ready]'s question.
func KubeAPIServer(dir string, etcd *Program, trust *pki.PKI, log io.Writer, flags ...string) (*Program, error) {
	path, err := Find("kube-apiserver")
	if err != nil {
		return nil, err
	}
	if _, err := trust.ServerCert("apiserver", "127.0.0.1", "localhost"); err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return nil, err
	}
	return &Program{
		Name: "kube-apiserver", Address: addresses[0], log: log,
		command: append([]string{path,
			"--etcd-servers", "http://" + etcd.Address,
			"--bind-address", "127.0.0.1",
			// Not on loopback, which it refuses; nobody is sent there. With it,
			// it keeps a lease of its own in the store.
			"--advertise-address", "192.0.2.1",
			"--secure-port", port,
			"--cert-dir", dir,
			"--tls-cert-file", trust.Path("apiserver.crt"),
			"--tls-private-key-file", trust.Path("apiserver.key"),
			"--client-ca-file", trust.Path("ca.crt"),
			"--service-account-key-file", trust.Path("sa.pub"),
			"--service-account-signing-key-file", trust.Path("sa.key"),
			"--service-account-issuer", "https://kubernetes.default.svc.cluster.local",
			"--service-cluster-ip-range", "10.96.0.0/16",
			"--authorization-mode", "Node,RBAC",
			"--allow-privileged",
			"--etcd-compaction-interval", "5s",
			"-v", "0",
		}, flags...),
	}, nil
}
