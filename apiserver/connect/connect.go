package connect

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// Options say how to reach what is connected to.
type Options struct {
	// Objects are the stored pods, nodes and services. Required.
	Objects apiserver.Objects
	// Nodes reaches kubelets. Required.
	Nodes apiserver.NodeTransport
	// Pods reaches pods at their addresses, for the proxies. Nil means
	// plain TCP from this process, without checking certificates, which pods
	// do not have from us.
	Pods http.RoundTripper
	// API returns the server's own handler, which is made after its
	// connectors: an eviction deletes the pod through it, as [auth.Server],
	// whom auth.InProcess must be among the authenticators to know. Nil
	// refuses evictions.
	API func() http.Handler
}

// Connectors returns the connectors by what they serve.
func Connectors(opts Options) map[string]apiserver.Connector {
	if opts.Pods == nil {
		opts.Pods = podTransport()
	}
	k := kubelets{objects: opts.Objects, transport: opts.Nodes}
	b := binding{objects: opts.Objects}
	return map[string]apiserver.Connector{
		"pods/log":         logs{k},
		"pods/exec":        exec{kubelets: k, path: "exec"},
		"pods/attach":      exec{kubelets: k, path: "attach"},
		"pods/portforward": portForward{k},
		"pods/proxy":       podProxy{objects: opts.Objects, transport: opts.Pods},
		"services/proxy":   serviceProxy{objects: opts.Objects, transport: opts.Pods},
		"nodes/proxy":      nodeProxy{k},
		"pods/binding":     b,
		"bindings":         b,
		"pods/eviction":    eviction{objects: opts.Objects, api: opts.API},
	}
}

// kubelets finds the kubelet of a pod.
type kubelets struct {
	objects   apiserver.Objects
	transport apiserver.NodeTransport
}

// A kubelet is how to talk to one.
type kubelet struct {
	http.RoundTripper
	node string
	base string // the URL before the path
}

func (k kubelets) of(ctx context.Context, node string) (kubelet, error) {
	object, err := typed.Get[*corev1.Node](ctx, k.objects, "", node)
	if err != nil {
		return kubelet{}, err
	}
	transport, base, err := k.transport.RoundTripper(object)
	if err != nil {
		return kubelet{}, apierrors.NewInternalError(fmt.Errorf("reach kubelet of node %s: %w", node, err))
	}
	return kubelet{RoundTripper: transport, node: node, base: base}, nil
}

// pod returns a stored pod.
func (k kubelets) pod(ctx context.Context, c *apiserver.Connection) (*corev1.Pod, error) {
	return typed.Get[*corev1.Pod](ctx, k.objects, c.Namespace, c.Name)
}

// ofPod returns the kubelet that runs a pod.
func (k kubelets) ofPod(ctx context.Context, pod *corev1.Pod) (kubelet, error) {
	if pod.Spec.NodeName == "" {
		return kubelet{}, apierrors.NewBadRequest(fmt.Sprintf("pod %s does not have a host assigned", pod.Name))
	}
	found, err := k.of(ctx, pod.Spec.NodeName)
	if apierrors.IsNotFound(err) { // said of a pod, as in Kubernetes
		return found, apierrors.NewNotFound(corev1.Resource("pods"), pod.Spec.NodeName)
	}
	return found, err
}

// unreachable says that a kubelet did not answer.
func (k kubelet) unreachable(err error) error {
	return apierrors.NewInternalError(fmt.Errorf("error dialing backend: node %s: %w", k.node, err))
}
