package auth

import (
	"context"
	"fmt"
	"net/http"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/internal/body"
	"github.com/coracle-k8s/coracle/apiserver/typed"
)

// The seconds a token may live. What a client gets is what it asked for:
// Kubernetes' stretching of short tokens for old clients is not done.
const (
	minTokenSeconds     = 10 * 60
	maxTokenSeconds     = 1 << 32
	defaultTokenSeconds = 60 * 60
)

// tokenRequest issues tokens: serviceaccounts/token
// (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/).
type tokenRequest struct{ tokens *Tokens }

// ServeConnect implements apiserver.Connector.
func (t tokenRequest) ServeConnect(w http.ResponseWriter, r *http.Request, c *apiserver.Connection) error {
	request := &authenticationv1.TokenRequest{}
	if err := body.Read(r, request); err != nil {
		return err
	}
	account, err := typed.Get[*corev1.ServiceAccount](r.Context(), t.tokens.objects, c.Namespace, c.Name)
	if err != nil {
		return err
	}
	if err := defaultTokenRequest(request, t.tokens.audiences); err != nil {
		return err
	}
	if err := c.Admit(request); err != nil {
		return err
	}
	bound, err := t.bind(r.Context(), account, request.Spec.BoundObjectRef)
	if err != nil {
		return err
	}
	if err := checkNodeAsks(c, bound); err != nil {
		return err
	}
	life := time.Duration(*request.Spec.ExpirationSeconds) * time.Second
	id := newUUID()
	token, expires, err := t.tokens.issue(id, bound, request.Spec.Audiences, life)
	if err != nil {
		return err
	}
	request.Name, request.Namespace = account.Name, account.Namespace
	request.CreationTimestamp, request.UID = metav1.Now(), types.UID(newUUID())
	request.Status = authenticationv1.TokenRequestStatus{Token: token, ExpirationTimestamp: metav1.NewTime(expires)}
	c.Annotate("authentication.kubernetes.io/issued-credential-id", "JTI="+id)
	w.Header().Set("Cache-Control", "no-store")
	return body.Write(w, r, api.Codecs(), http.StatusCreated, request)
}

func defaultTokenRequest(request *authenticationv1.TokenRequest, audiences []string) error {
	spec := &request.Spec
	if len(spec.Audiences) == 0 {
		spec.Audiences = audiences
	}
	if spec.ExpirationSeconds == nil {
		seconds := int64(defaultTokenSeconds)
		spec.ExpirationSeconds = &seconds
	}
	path := field.NewPath("spec", "expirationSeconds")
	var errs field.ErrorList
	if *spec.ExpirationSeconds < minTokenSeconds {
		errs = append(errs, field.Invalid(path, *spec.ExpirationSeconds, "may not specify a duration less than 10 minutes"))
	}
	if *spec.ExpirationSeconds > maxTokenSeconds {
		errs = append(errs, field.Invalid(path, *spec.ExpirationSeconds, "may not specify a duration larger than 2^32 seconds"))
	}
	if len(errs) > 0 {
		return apierrors.NewInvalid(schema.GroupKind{Group: authenticationv1.GroupName, Kind: "TokenRequest"}, request.Name, errs)
	}
	return nil
}

// bind looks up what the token is to be bound to.
func (t tokenRequest) bind(ctx context.Context, account *corev1.ServiceAccount, to *authenticationv1.BoundObjectReference) (bindings, error) {
	b := bindings{Namespace: account.Namespace, ServiceAccount: refTo(account)}
	if to == nil {
		return b, nil
	}
	objects := t.tokens.objects
	switch {
	case to.APIVersion == "v1" && to.Kind == "Pod":
		pod, err := typed.Get[*corev1.Pod](ctx, objects, account.Namespace, to.Name)
		if err != nil {
			return b, err
		}
		if pod.Spec.ServiceAccountName != account.Name {
			return b, apierrors.NewBadRequest(fmt.Sprintf("cannot bind token for serviceaccount %q to pod running with different serviceaccount name.", account.Name))
		}
		r := refTo(pod)
		b.Pod = &r
		b.Node, err = t.nodeOf(ctx, pod)
		return b, orUIDConflict(err, "pods", to, pod.UID)
	case to.APIVersion == "v1" && to.Kind == "Secret":
		secret, err := typed.Get[*corev1.Secret](ctx, objects, account.Namespace, to.Name)
		if err != nil {
			return b, err
		}
		r := refTo(secret)
		b.Secret = &r
		return b, orUIDConflict(nil, "secrets", to, secret.UID)
	case to.APIVersion == "v1" && to.Kind == "Node":
		node, err := typed.Get[*corev1.Node](ctx, objects, "", to.Name)
		if err != nil {
			return b, err
		}
		r := refTo(node)
		b.Node = &r
		return b, orUIDConflict(nil, "nodes", to, node.UID)
	}
	return b, apierrors.NewBadRequest(fmt.Sprintf("cannot bind token to object of type %s", schema.FromAPIVersionAndKind(to.APIVersion, to.Kind)))
}

// nodeOf names the pod's node in the token. A node that is not registered is
// named without its uid.
func (t tokenRequest) nodeOf(ctx context.Context, pod *corev1.Pod) (*ref, error) {
	if pod.Spec.NodeName == "" {
		return nil, nil
	}
	node, err := typed.Get[*corev1.Node](ctx, t.tokens.objects, "", pod.Spec.NodeName)
	switch {
	case apierrors.IsNotFound(err):
		return &ref{Name: pod.Spec.NodeName}, nil
	case err != nil:
		return nil, err
	}
	r := refTo(node)
	return &r, nil
}

// checkNodeAsks keeps a kubelet to tokens of pods that it runs, so that it
// cannot outlive them with a token of theirs.
func checkNodeAsks(c *apiserver.Connection, b bindings) error {
	node, ok := nodeName(c.User)
	if !ok {
		return nil
	}
	if b.Pod == nil || b.Node == nil || b.Node.Name != node {
		return apierrors.NewForbidden(corev1.Resource("serviceaccounts"), c.Name,
			fmt.Errorf("node %q can only request tokens bound to a pod that runs on it", node))
	}
	return nil
}

func refTo(obj api.Object) ref { return ref{Name: obj.GetName(), UID: string(obj.GetUID())} }

func orUIDConflict(err error, resource string, to *authenticationv1.BoundObjectReference, uid types.UID) error {
	if err == nil && to.UID != "" && to.UID != uid {
		return apierrors.NewConflict(corev1.Resource(resource), to.Name, fmt.Errorf(
			"the UID in the bound object reference (%s) does not match the UID in record. The object might have been deleted and then recreated", to.UID))
	}
	return err
}
