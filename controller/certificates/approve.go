package certificates

import (
	"context"
	"crypto/x509"

	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// NewApproving returns the controller that approves what needs no person.
func NewApproving(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	a := &approver{
		requests: client.Shared[*certificatesv1.CertificateSigningRequest](informers),
		write:    client.For[*certificatesv1.CertificateSigningRequest](c),
		access:   client.For[*authorizationv1.SubjectAccessReview](c),
	}
	ctl := controller.New("certificatesigningrequest-approving", a, opts)
	controller.Watch(ctl, a.requests, controller.Self)
	return ctl
}

type approver struct {
	requests *client.Informer[*certificatesv1.CertificateSigningRequest]
	write    *client.Kind[*certificatesv1.CertificateSigningRequest]
	access   *client.Kind[*authorizationv1.SubjectAccessReview]
}

// Reconcile implements controller.Reconciler.
func (a *approver) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	csr, ok := a.requests.Get("", key.Name)
	if !ok || len(csr.Status.Certificate) > 0 || has(csr, certificatesv1.CertificateApproved) || has(csr, certificatesv1.CertificateDenied) {
		return controller.Result{}, nil
	}
	request, err := parse(csr.Spec.Request)
	if err != nil {
		return controller.Result{}, nil // nobody can sign that, and the signer says so
	}
	for _, right := range rights(csr, request) {
		allowed, err := a.allowed(ctx, csr, right.subresource)
		if err != nil {
			return controller.Result{}, err
		}
		if allowed {
			return controller.Result{}, a.approve(ctx, csr, right.message)
		}
	}
	return controller.Result{}, nil
}

// A right is one with which a request is approved at once.
type right struct{ subresource, message string }

// rights returns those that a request can be approved for. A node's own
// certificate is one that its bearer asks to have renewed.
func rights(csr *certificatesv1.CertificateSigningRequest, request *x509.CertificateRequest) []right {
	if csr.Spec.SignerName != certificatesv1.KubeAPIServerClientKubeletSignerName || kubeletClient(request, csr.Spec.Usages) != nil {
		return nil
	}
	other := right{"nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview."}
	if csr.Spec.Username != request.Subject.CommonName {
		return []right{other}
	}
	return []right{{"selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview."}, other}
}

// allowed asks the API server about the one who made the request.
func (a *approver) allowed(ctx context.Context, csr *certificatesv1.CertificateSigningRequest, subresource string) (bool, error) {
	extra := map[string]authorizationv1.ExtraValue{}
	for key, values := range csr.Spec.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	review, err := a.access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: csr.Spec.Username, UID: csr.Spec.UID, Groups: csr.Spec.Groups, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: certificatesv1.GroupName, Version: "*", Resource: "certificatesigningrequests", Subresource: subresource, Verb: "create",
		},
	}})
	if err != nil {
		return false, err
	}
	return review.Status.Allowed, nil
}

func (a *approver) approve(ctx context.Context, csr *certificatesv1.CertificateSigningRequest, message string) error {
	approved := csr.DeepCopy()
	approved.Status.Conditions = append(approved.Status.Conditions, certificatesv1.CertificateSigningRequestCondition{
		Type: certificatesv1.CertificateApproved, Status: corev1.ConditionTrue,
		Reason: "AutoApproved", Message: message, LastUpdateTime: metav1.Now(),
	})
	err := a.write.Subresource(ctx, "PUT", "", csr.Name, "approval", approved, &certificatesv1.CertificateSigningRequest{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
