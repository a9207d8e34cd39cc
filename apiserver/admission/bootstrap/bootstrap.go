package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// How often Run looks after the objects, and how soon it tries again to make
// them in the first place.
const (
	interval = time.Minute
	retry    = time.Second
)

// A Bootstrap makes and keeps the server's own objects.
type Bootstrap struct {
	// Objects is where they are stored. Required.
	Objects apiserver.Objects
	// Flows is where the limits are stored, if they have another manager.
	Flows apiserver.Objects
	// Services is the allocator the server uses. Without it there is no
	// service default/kubernetes.
	Services *admission.ServiceIPs
	// Advertise is the address and port under which pods reach the server. The
	// zero value, or a loopback address, which is none to a pod, leaves the
	// service without endpoints.
	Advertise netip.AddrPort
	// ClientCA holds, in PEM, the authorities that sign the certificates of
	// users, and FrontProxy says who may speak for others. Extension servers
	// learn both from a config map.
	ClientCA   []byte
	FrontProxy *FrontProxy
	// Host is the server's machine, and Instance tells one run of the server
	// on it from the next. Without a Host the server has no identity lease.
	Host, Instance string
	// Logger gets what goes wrong. Nil discards.
	Logger *slog.Logger
}

// Run makes the objects and the policy of package auth, then keeps the
// namespaces, the service and the claims of Services as they should be until ctx
// ends. Who needs to know that they are there calls [Bootstrap.Once] first.
func (b Bootstrap) Run(ctx context.Context) error {
	if b.Logger == nil {
		b.Logger = slog.New(slog.DiscardHandler)
	}
	work, pause := b.Once, interval
	for {
		err := work(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			b.Logger.Warn("the server's own objects are not as they should be", "err", err)
			pause = retry
		default:
			work, pause = b.keep, interval
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Once makes what is missing and repairs what is wrong. All steps are tried; the
// error joins those of the ones that failed.
func (b Bootstrap) Once(ctx context.Context) error {
	return errors.Join(
		b.keep(ctx),
		auth.Bootstrap(ctx, b.Objects),
		b.priorityClass(ctx, "system-node-critical", 2000001000,
			"Used for system critical pods that must not be moved from their current node."),
		b.priorityClass(ctx, "system-cluster-critical", 2000000000,
			"Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."))
}

// keep looks after what others may change while the server runs.
func (b Bootstrap) keep(ctx context.Context) error {
	var errs []error
	for _, name := range []string{
		metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease,
	} {
		errs = append(errs, b.namespace(ctx, name))
	}
	if b.Services != nil {
		errs = append(errs, b.kubernetesService(ctx), b.serviceCIDRs(ctx), b.Services.Repair(ctx))
	}
	errs = append(errs, b.flowControl(ctx), b.authenticationConfig(ctx), b.identity(ctx))
	return errors.Join(errs...)
}

func (b Bootstrap) namespace(ctx context.Context, name string) error {
	err := typed.Ensure(ctx, b.Objects, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}},
		Spec:       corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status:     corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}, nil)
	return wrap("namespace "+name, err)
}

func (b Bootstrap) priorityClass(ctx context.Context, name string, value int32, description string) error {
	policy := corev1.PreemptLowerPriority
	err := typed.Ensure(ctx, b.Objects, &schedulingv1.PriorityClass{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value, Description: description, PreemptionPolicy: &policy,
	}, nil)
	return wrap("priority class "+name, err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bootstrap %s: %w", what, err)
}
