package programs

import (
	"io"

	"github.com/coracle-k8s/coracle/pki"
)

// A Component is a real component of Kubernetes that works through an API server.
type Component struct {
	// Name is that of the program.
	Name string
	// Kubeconfig is the file that says where the API server is, and as whom the
	// component comes.
	Kubeconfig string
	// Flags are more than those every one of them has.
	Flags []string
}

// Program returns the component as a program that has not been started. It serves
// its health on loopback at the program's address.
func (c Component) Program(log io.Writer) (*Program, error) {
	path, err := Find(c.Name)
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	command := append([]string{path, "--kubeconfig", c.Kubeconfig, "-v", "0"}, c.Flags...)
	return &Program{Name: c.Name, Address: addresses[0], log: log, command: command}, nil
}

// ControllerManager is the real kube-controller-manager, with all its controllers
// and an identity for each. trust is a directory's.
func ControllerManager(kubeconfig string, trust *pki.PKI) Component {
	return Component{Name: "kube-controller-manager", Kubeconfig: kubeconfig, Flags: []string{
		"--secure-port", "0",
		"--use-service-account-credentials",
		"--service-account-private-key-file", trust.Path("sa.key"),
		"--root-ca-file", trust.Path("ca.crt"),
		"--cluster-signing-cert-file", trust.Path("ca.crt"),
		"--cluster-signing-key-file", trust.Path("ca.key"),
	}}
}

// Scheduler is the real kube-scheduler.
func Scheduler(kubeconfig string) Component {
	return Component{Name: "kube-scheduler", Kubeconfig: kubeconfig, Flags: []string{"--secure-port", "0"}}
}

// Kubelet is the real kubelet of a node, with an address that is not a loopback, and
// with its configuration in a file. It writes below root, and leaves a mount there.
// It listens at a fixed port, so a machine, or a network namespace, has one.
func Kubelet(kubeconfig, config, node, ip, root string) Component {
	return Component{Name: "kubelet", Kubeconfig: kubeconfig, Flags: []string{
		"--config", config,
		"--hostname-override", node,
		"--node-ip", ip,
		"--root-dir", root,
		"--cert-dir", root,
	}}
}

// Proxy is the real kube-proxy of a node, writing nftables rules. It listens at
// fixed ports, so a machine, or a network namespace, has one.
func Proxy(kubeconfig, node string) Component {
	return Component{Name: "kube-proxy", Kubeconfig: kubeconfig, Flags: []string{
		"--proxy-mode", "nftables",
		"--hostname-override", node,
		"--cluster-cidr", "10.244.0.0/16",
		"--healthz-bind-address", "127.0.0.1:10256",
		"--metrics-bind-address", "127.0.0.1:10249",
	}}
}
